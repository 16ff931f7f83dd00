"""From a document to a RunSpec, or to every mistake in it with its position."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import PurePath
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, PydanticUserError, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from ganreg.components import Component
from ganreg.components.base import broken
from ganreg.errors import Mistake, PluginError, SpecError, SpecPath
from ganreg.registry import Registry
from ganreg.spec.compatibility import contradictions
from ganreg.spec.document import Document, from_mapping
from ganreg.spec.reader import MAX_MISTAKES
from ganreg.spec.runspec import OPTIMIZER, RunSpec
from ganreg.spec.syntax import UNFIT, unfit

WORDS = {
    "Input should be": "should be",
    "Input is not a valid path for <class 'pathlib.Path'>": "should be a path",
    "Tuple should have": "should have",
    "a valid tuple": "a list",
    "a valid list": "a list",
    "a valid dictionary or instance of": "a mapping, for",
    "a valid dictionary": "a mapping",
    "String should match pattern '^(auto|cpu|mps|xpu|cuda(:\\d+)?)$'": "should be auto, cpu, mps, xpu, cuda or cuda:0",
}
"""Pydantic's words for Python's types, in a user's."""
OWN = {
    *("accumulate", "missing_name", "component_type", "unknown_component", "ambiguous_component", "no_registry"),
    "broken_component",
}
"""Errors that are worded by ganreg and need no value beside them."""


def validate(document: Document, registry: Registry, *, data: bool = True) -> RunSpec:
    """The spec of a document.

    Raises SpecError with all mistakes at once; where the values are sound, with all contradictions between parts. These
    are told from the data: without it, as for sampling from a run that was trained, they are not looked for.
    """
    try:
        spec = RunSpec.model_validate(document.data, context={"registry": registry})
    except ValidationError as error:
        raise SpecError(_mistakes(error, document, RunSpec, registry)) from None
    _refuse_misfits(spec, document)
    if data and (mistakes := contradictions(spec, document, registry)):
        raise SpecError(mistakes)
    return spec


def validate_component(
    kind: type[Component], name: str, parameters: Mapping[str, Any], registry: Registry
) -> Component:
    """One component by name. Raises SpecError."""
    if unknown := UNFIT.search(name):
        raise SpecError([Mistake(unfit(unknown))])
    document = from_mapping(parameters)
    try:
        found = registry.resolve(kind.kind, name)
        made = found.model_validate(document.data, context={"registry": registry})
    except PydanticUserError as error:
        raise PluginError(broken(found, error)) from error
    except PydanticCustomError as error:
        hint = str((error.context or {}).get("hint", ""))
        raise SpecError([Mistake(error.message(), hint=hint)]) from None
    except ValidationError as error:
        raise SpecError(_mistakes(error, document, found, registry)) from None
    _refuse_misfits(made, document)
    return made


def _refuse_misfits(made: BaseModel, document: Document) -> None:
    """Raise SpecError for what no spec holds.

    What comes from Python was never read: the reader would first meet it in the run's own spec.yaml, and refuse it.
    """
    misfits = list(islice(_misfits(made.model_dump(), document.data, (), document), MAX_MISTAKES))
    if misfits:
        raise SpecError(sorted(misfits, key=lambda mistake: mistake.place))


def _misfits(value: Any, given: Any, path: SpecPath, document: Document) -> Iterator[Mistake]:
    """What pydantic takes, and no spec holds: some characters, yes or no for a number, integers beyond 64 bits."""
    if isinstance(value, str | PurePath) and (found := UNFIT.search(str(value))):
        yield Mistake(unfit(found), path, document.locate(path))
    elif isinstance(given, bool) and isinstance(value, int | float) and not isinstance(value, bool):
        yield Mistake(f"{path[-1]}: should be a number, not {given}", path, document.locate(path))
    elif any(isinstance(number, int) and not -(2**63) <= number < 2**64 for number in (value, given)):
        yield Mistake(f"{path[-1]}: this integer does not fit into 64 bits", path, document.locate(path))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _misfits(key, None, path, document)
            yield from _misfits(item, _item(given, key), (*path, key), document)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _misfits(item, _item(given, index), (*path, index), document)


def _mistakes(error: ValidationError, document: Document, root: type[BaseModel], registry: Registry) -> list[Mistake]:
    """In the order of the file, one of each value; items that a list lacks are one mistake."""
    try:
        details = error.errors(include_url=False)[:MAX_MISTAKES]
    except UnicodeEncodeError:  # pydantic cannot say what is wrong with a text that is none
        details = []
    misfits = list(_misfits(document.data, None, (), document))
    told = (_mistake(e, document, root, registry) for e in details)
    paths = {mistake.path for mistake in misfits}
    found = dict.fromkeys([*misfits, *(mistake for mistake in told if mistake.path not in paths)])
    return sorted(found, key=lambda mistake: mistake.place)[:MAX_MISTAKES]


def _mistake(error: ErrorDetails, document: Document, root: type[BaseModel], registry: Registry) -> Mistake:
    path: SpecPath = tuple(error["loc"])
    context = error.get("ctx", {})
    hint = str(context.get("hint", ""))
    message = error["msg"]
    on_key = False
    match error["type"]:
        case "extra_forbidden":
            known = _fields(root, path[:-1], document.data, registry)
            near = difflib.get_close_matches(str(path[-1]), known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(known) or 'no parameters'}"
            message, on_key = f"unknown key '{path[-1]}'", True
        case "missing" if due := _items(root, path, document.data, registry):
            path = path[:-1]
            message = f"{path[-1]}: should have {due} items, not {_shown(error['input'])}"
        case "missing":
            message, on_key = f"'{path[-1]}' is missing", True
        case "unknown_player":
            path, on_key = (*path, context["player"]), True
            near = difflib.get_close_matches(context["player"], hint.removeprefix("its players: ").split(", "), n=1)
            hint = f"did you mean '{near[0]}'?" if near else hint
        case _:
            given = error["input"]
            if error["type"] == "value_error" and isinstance(given, Mapping):
                message = _lower(message)  # of a whole part: what is wrong is no single value
            elif error["type"] not in OWN and not isinstance(given, Component) and path:
                shown = "a mapping" if isinstance(given, Mapping) else _shown(given)
                message = f"{path[-1]}: {_lower(message)}, not {shown}"
    return Mistake(message, path, document.locate(path, key=on_key), hint)


def _lower(message: str) -> str:
    words = re.split(", unable to parse| after validation", message.removeprefix("Value error, "))[0]
    for pydantics, ours in WORDS.items():
        words = words.replace(pydantics, ours, 1)
    return words


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _fields(root: type[BaseModel], path: SpecPath, data: Any, registry: Registry) -> list[str]:
    """The names that may stand at a path."""
    model = _type(root, path, data, registry)
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def _items(root: type[BaseModel], path: SpecPath, data: Any, registry: Registry) -> int:
    """How many items the list has that a path leads into; 0 where it leads to a key."""
    return len(get_args(_type(root, path[:-1], data, registry))) if isinstance(path[-1], int) else 0


def _type(root: type[BaseModel], path: SpecPath, data: Any, registry: Registry) -> Any:
    """What may stand at a path, following the spec's own types."""
    model: Any = root
    for part in path:
        data = _item(data, part)
        model = _inside(model, part)
        if isinstance(model, type) and issubclass(model, Component) and not model.name:
            name = data.get("name", _default(path)) if isinstance(data, Mapping) else data
            model = registry.resolve(model.kind, name) if isinstance(name, str) else None
    return model


def _item(data: Any, part: str | int) -> Any:
    """What was written at a place; None where a validator made another shape of it."""
    try:
        return data[part]
    except (KeyError, IndexError, TypeError):
        return None


def _default(path: SpecPath) -> Any:
    """The name of the component whose parameters stand in a spec without one."""
    return OPTIMIZER if path[0] == "optimizers" else RunSpec.model_fields[str(path[0])].default


def _inside(model: Any, part: str | int) -> Any:
    """The type of one field or element of a type, without Optional and Annotated."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        field = model.model_fields.get(str(part))
        return _bare(field.annotation) if field else None
    arguments = get_args(model)
    return _bare(arguments[1 if get_origin(model) is dict else 0]) if arguments else None


def _bare(annotation: Any) -> Any:
    while get_origin(annotation) in (Annotated, Union, types.UnionType):
        annotation = next(a for a in get_args(annotation) if a is not type(None))
    return annotation
