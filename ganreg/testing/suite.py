"""What is under test: a plugin's components, each with the parameters that it is tried with."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import PydanticUserError, ValidationError
from pydantic_core import PydanticCustomError

from ganreg.components import Component
from ganreg.components.base import broken
from ganreg.registry import Registry
from ganreg.spec.compatibility import ROLES
from ganreg.spec.runspec import components_in
from ganreg.task import Task
from ganreg.testing.check import PLUGIN, Failure, Skip
from ganreg.testing.files import picture_folder
from ganreg.testing.tasks import claimed

Values = Mapping[str, Any]


class Suite:
    """Components that are tried together: those of one plugin, or classes that were given.

    It resolves names as a registry does, with its own components first.
    """

    def __init__(
        self,
        name: str,
        components: Sequence[type[Component]],
        modules: Sequence[str],
        registry: Registry,
        examples: Mapping[str, Values],
    ) -> None:
        self.name = name
        self.components = tuple(components)
        self.modules = tuple(modules)
        self.registry = registry
        self.examples = examples
        self.watched: dict[str, Any] | None = None  # what `checks.plugin.watched` saw
        self._ids = {component: f"{name}/{component.name}" if name else component.name for component in components}

    @cached_property
    def subjects(self) -> tuple[Subject, ...]:
        """One per component."""
        return tuple(Subject(self, component) for component in self.components)

    @cached_property
    def sources(self) -> tuple[Path, ...]:
        """The Python files of its modules and of their packages."""
        found: set[Path] = set()
        for module in map(sys.modules.get, self.modules):
            file = Path(getattr(module, "__file__", None) or "")
            found |= set(file.parent.rglob("*.py")) if file.stem == "__init__" else {file} if file.is_file() else set()
        return tuple(sorted(found))

    def resolve(self, kind: str, name: str) -> type[Component]:
        """The class behind an id or a bare name; raises as `Registry.resolve` does."""
        for component, its_id in self._ids.items():
            if component.kind == kind and name in (component.name, its_id):
                return component
        return self.registry.resolve(kind, name)

    def id_of(self, component: type[Component]) -> str:
        """`namespace/name`, or the bare name of a class that no plugin offers."""
        return self._ids.get(component) or self.registry.id_of(component)

    def offered(self, kind: str) -> list[type[Component]]:
        """The components of a kind, the suite's own first, then all that are installed."""
        own = [component for component in self.components if component.kind == kind]
        return own + [o.component for o in self.registry.offers(kind) if o.component not in self._ids]

    def fitting(self, kind: str) -> Iterator[Component]:
        """Those of them that can be made, to play with."""
        for component in self.offered(kind):
            with suppress(Exception):
                yield Subject(self, component).make()


class Subject:
    """One component under test."""

    def __init__(self, suite: Suite, component: type[Component]) -> None:
        self.suite = suite
        self.component = component
        self.kind = component.kind
        self.id = suite.id_of(component)
        self.company: tuple[dict[str, Component], Task] | None = None  # what `arena.company` found

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """What it is made with: what was given for it, else of each field the first example, if it has any.

        A required path without an example is a folder of a few pictures. Raises Failure where one is missing.
        """
        given = self.suite.examples.get(f"{self.kind} {self.id}") or self.suite.examples.get(self.id) or {}
        values = dict(given)
        for name, field in self.component.model_fields.items():
            if field.examples:
                values.setdefault(name, field.examples[0])
            elif field.is_required() and field.annotation is Path:
                values.setdefault(name, str(picture_folder()))
            elif field.is_required() and name not in values:
                raise Failure(
                    f"it cannot be made: '{name}' is required",
                    f'give an example: {name}: … = Field(examples=[…]), or cases(…, examples={{"{self.id}": …}})',
                )
        return values

    def make(self, **changes: Any) -> Component:
        """A fresh component with its parameters. Raises Failure, and Skip where one names a plugin that is not here."""
        try:
            return self.component.model_validate({**self.parameters, **changes}, context={"registry": self.suite})
        except ValidationError as error:
            found = "; ".join(_sentence(e) for e in error.errors(include_url=False))
            remedies = {self._brings(e) for e in error.errors(include_url=False)}
            if all(remedies):
                raise Skip(f"it is tried with what is not here, {' and '.join(sorted(remedies))}: {found}") from None
            raise Failure(
                f"it cannot be made: {found}", "mend the default, or the first of Field(examples=[…])"
            ) from None
        except PydanticCustomError as error:
            raise Failure(f"it cannot be made: {error.message()}") from None
        except PydanticUserError as error:
            raise Failure(broken(self.component, error), "import or define the types of its fields") from None

    def _brings(self, error: Any) -> str:
        """What would bring the part that an error is about, where that is all that is wrong; else ""."""
        unknown = error["type"] == "unknown_component"
        return self.suite.registry.what_brings(error["ctx"]["name"], error["ctx"]["kind"]) if unknown else ""

    @cached_property
    def part(self) -> Component:
        """The component that the checks look at; what plays is made anew, so that this one stays as it was."""
        return self.make()

    @cached_property
    def requires(self) -> frozenset[str]:
        """What it and the parts inside it require, of others than those of another kind inside it."""
        parts = [part for _, part in components_in(self.part)]
        given = frozenset().union(*(part.provides for part in parts if part.kind != self.kind))
        return frozenset().union(*(part.requires for part in parts)) - given

    @cached_property
    def claimed(self) -> tuple[Task, ...]:
        """The tasks that it says it serves, of those that are tried."""
        return claimed(self.part)

    @cached_property
    def task(self) -> Task:
        """The task that it is tried on: the first that it claims, of a network the first of them that it serves."""
        from ganreg.testing.network import first_served

        return first_served(self) if self.kind in ROLES else self.claimed[0]


@dataclass(frozen=True)
class Whole:
    """The plugin itself as the subject of checks."""

    suite: Suite
    kind = PLUGIN

    @property
    def id(self) -> str:
        """Its namespace."""
        return self.suite.name or "components"


def _sentence(error: Any) -> str:
    place = ".".join(map(str, error["loc"]))
    return f"{place}: {error['msg']}" if place else str(error["msg"])
