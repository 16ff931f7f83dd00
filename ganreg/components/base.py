"""Component: a named, typed part of a run, and how a name in a spec becomes one."""

# Annotations are evaluated here: as strings, pydantic would evaluate them once more for every class of every plugin.

import re
from collections.abc import Mapping
from functools import partial
from inspect import get_annotations
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    PydanticUndefinedAnnotation,
    PydanticUserError,
    SerializationInfo,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

if TYPE_CHECKING:
    from ganreg.task import Task

NAME = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")


class Resolver(Protocol):
    """What a validation context offers under "registry"; `ganreg.registry.Registry` is the one that there is."""

    def resolve(self, kind: str, name: str) -> "type[Component]":
        """The class behind an id or a bare name; raises PydanticCustomError, or PluginError for a broken plugin."""

    def id_of(self, component: "type[Component]") -> str:
        """`namespace/name`, or the bare name of a class that no loaded plugin offers."""


class Component(BaseModel):
    """The base of every kind. Fields are parameters, the docstring is the documentation.

    A class with a `name` is a component; one without is a kind, or a base for sharing fields, and a field annotated
    with it (`base: Loss`) takes a reference: a name, or a mapping of a name and parameters.

    `requires` and `provides` are the capabilities by which parts find each other: a discriminator provides
    {"features", "embedding", "class_logits"} and whatever it puts in `extra`; a loss, penalty or game requires some.
    Either may be a property of the parameters; then `adds` is what the part provides whatever they are, by which it is
    found for those who require it.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", defer_build=True, validate_default=True, ser_json_inf_nan="constants"
    )

    kind: ClassVar[str] = ""
    name: ClassVar[str] = ""
    requires: ClassVar[Any] = frozenset()
    provides: ClassVar[Any] = frozenset()
    adds: ClassVar[Any] = frozenset()

    def __init_subclass__(cls, *, kind: str | None = None, name: str | None = None, **config: Any) -> None:
        super().__init_subclass__(**config)
        if kind is not None:
            cls.kind = kind
        if name is not None and not NAME.fullmatch(name):
            raise TypeError(f"{cls.__qualname__}: name={name!r} is not of the form 'lower-case-words'")
        for word, annotation in get_annotations(cls).items():
            if word in ("kind", "name") and "ClassVar" not in str(annotation):
                raise TypeError(f"{cls.__qualname__}: '{word}' is what every component has: call the field otherwise")
        if name is not None and not cls.kind:
            raise TypeError(f"{cls.__qualname__}: subclass a kind (Generator, Loss, …), not Component itself")
        if "__init__" in vars(cls):
            raise TypeError(f"{cls.__qualname__} has an __init__: parameters are fields, such as `margin: float = 1`")
        cls.name = name or ""

    def __setattr__(self, name: str, value: Any) -> None:
        try:
            super().__setattr__(name, value)
        except ValidationError:
            where = "what changes in a run belongs to what `build` returns"
            raise AttributeError(f"'{name}' of {type(self).__qualname__} cannot be set: {where}") from None

    def check(self, task: "Task") -> None:
        """Raise ValueError where this component cannot serve the task. Runs before torch is imported."""

    def build(self, task: "Task") -> Any:
        """What the engine uses; the component itself where nothing needs building.

        By default components in its fields are built in their turn, those in tuples too, so that a combinator
        (`base: Loss`, `parts: tuple[Augmentation, ...]`) needs no `build` of its own. Who defines `build` builds the
        inner ones there. Where it has inner ones or private attributes, which a run may change, the result is a copy.
        """
        fields = ((name, getattr(self, name)) for name in type(self).model_fields)
        built = {name: _built(value, task) for name, value in fields if _holds_components(value)}
        return self.model_copy(update=built) if built or self.__pydantic_private__ else self

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if source.name:
            return handler(source)
        return core_schema.with_info_plain_validator_function(
            partial(_dereference, source),
            serialization=core_schema.plain_serializer_function_ser_schema(_refer, info_arg=True),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        if cls.name:
            described: dict[str, Any] = handler(schema)
            return described
        return {KIND_MARKER: cls.kind}


def label(component: Component, *, full: bool = False, paths: bool = True) -> str:
    """`name(key=value, …)`, with the parameters that are not the defaults; of a path its last name.

    full: each name after its module, which tells parts of one name apart, as two plugins may have them. paths: whether
    places on a disk are told.
    """
    shown = [
        f"{name}={_shown(value, full, paths)}"
        for name, field in type(component).model_fields.items()
        if (value := getattr(component, name)) != field.default and (paths or not _places(value))
    ]
    named = f"{type(component).__module__}/{component.name}" if full else component.name
    return f"{named}({', '.join(shown)})" if shown else named


def distinct(names: list[str]) -> list[str]:
    """A name of its own for each part of a list: r1, r1 becomes r1, r1.2."""
    return [name if names.index(name) == i else f"{name}.{names[: i + 1].count(name)}" for i, name in enumerate(names)]


def _places(value: Any) -> bool:
    return isinstance(value, Path) or (isinstance(value, tuple) and any(map(_places, value)))


def _shown(value: Any, full: bool, paths: bool) -> str:
    if isinstance(value, Component):
        return label(value, full=full, paths=paths)
    return value.name if isinstance(value, Path) else str(value)


def _holds_components(value: Any) -> bool:
    return isinstance(value, Component) or (isinstance(value, tuple) and any(map(_holds_components, value)))


def _built(value: Any, task: "Task") -> Any:
    """What a component builds, or those in a tuple."""
    if isinstance(value, tuple):
        return tuple(_built(item, task) for item in value)
    return value.build(task) if isinstance(value, Component) else value


KIND_MARKER = "x-ganreg-kind"
LONGEST_NAME = 200
"""Characters; for a longer one nobody waits while names like it are looked for."""


def _dereference(base: type[Component], value: Any, info: ValidationInfo) -> Component:
    """A component from a component, a name, or a mapping with a name."""
    if isinstance(value, base) and type(value).name:
        return value
    parameters = dict(value) if isinstance(value, Mapping) else {}
    name = parameters.pop("name", None) if isinstance(value, Mapping) else value
    if isinstance(value, Mapping) and name is None:
        raise PydanticCustomError("missing_name", "the {kind} has no 'name'", {"kind": base.kind})
    if not isinstance(name, str):
        raise PydanticCustomError(
            "component_type",
            "a {kind} is a name, or a mapping with a 'name' and parameters",
            {"kind": base.kind},
        )
    if len(name) > LONGEST_NAME:
        raise PydanticCustomError(
            "component_type", "the name of a {kind} is no longer than a line", {"kind": base.kind}
        )
    resolver: Resolver | None = (info.context or {}).get("registry")
    if resolver is None:
        raise PydanticCustomError(
            "no_registry",
            "a name stands here where there is no registry to look it up: give a component, or use ganreg.component()",
        )
    try:
        found = resolver.resolve(base.kind, name)
    except PydanticCustomError as error:
        raise _at("name", error, name) if isinstance(value, Mapping) else error from None
    if not issubclass(found, base):
        raise PydanticCustomError("wrong_base", "'{name}' is not a {base}", {"name": name, "base": base.__name__})
    try:
        return found.model_validate(parameters, context=info.context)
    except PydanticUserError as error:
        raise PydanticCustomError("broken_component", "{reason}", {"reason": broken(found, error)}) from error


def broken(component: type[Component], error: PydanticUserError) -> str:
    """What to say of a class that pydantic makes no model of, such as one with a type that is not defined."""
    cause = error.message.splitlines()[0]
    try:
        component.model_rebuild(force=True)
    except PydanticUndefinedAnnotation as undefined:
        cause = f"the type '{undefined.name}' of a field is not defined"
    except PydanticUserError:
        pass
    return f"the {component.kind} '{component.name}' is broken: {cause}"


def _at(key: str, error: PydanticCustomError, value: Any) -> ValidationError:
    return ValidationError.from_exception_data("reference", [InitErrorDetails(type=error, loc=(key,), input=value)])


def _refer(component: Component, info: SerializationInfo) -> dict[str, Any]:
    """The mapping that `_dereference` reads back, with the id in full where a registry is at hand."""
    resolver: Resolver | None = (info.context or {}).get("registry")
    name = resolver.id_of(type(component)) if resolver else component.name
    return {"name": name, **component.model_dump(mode=info.mode, context=info.context)}
