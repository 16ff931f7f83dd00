"""What is known of a plugin: what it offers, or why it cannot be used."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganreg.registry.discovery import source

if TYPE_CHECKING:
    from ganreg.components import Component

Sources = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Problem:
    """Why a plugin cannot be used, and what to do about it, in one line each.

    trace: for its author, who needs the lines of code.
    """

    cause: str
    remedy: str
    trace: str = ""


@dataclass(frozen=True)
class Plugin:
    """One namespace after loading. `components` is empty where there is a `problem`; `warnings` do not stop it.

    file: where it is a single file that was given by its path; such a plugin has no `claims`.
    """

    namespace: str
    claims: tuple[EntryPoint, ...] = ()
    components: tuple[type[Component], ...] = ()
    seconds: float = 0.0
    problem: Problem | None = None
    warnings: tuple[str, ...] = ()
    file: Path | None = None

    @cached_property
    def sources(self) -> Sources:
        """Name and version of the distribution that brings it; several where they claim one namespace."""
        return ((str(self.file), ""),) if self.file else tuple(map(source, self.claims))

    @cached_property
    def distribution(self) -> str:
        """ "ganreg-classic 1.0.0"; all of them where several claim the namespace; the path of a single file."""
        return describe(self.sources)


@dataclass(frozen=True)
class Entry:
    """A component as it is listed.

    summary: the first line of its documentation. provides: its capabilities whatever its parameters.
    """

    kind: str
    name: str
    summary: str
    provides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listing:
    """What a plugin offers, known without importing it in this process."""

    namespace: str
    sources: Sources
    entries: tuple[Entry, ...] = ()
    seconds: float = 0.0
    problem: Problem | None = None
    warnings: tuple[str, ...] = ()

    @property
    def distribution(self) -> str:
        """As `Plugin.distribution`."""
        return describe(self.sources)

    def offers(self, kind: str | None, name: str) -> bool:
        """Whether it has a component of that kind, or of any, and bare name."""
        return any(entry.name == name and kind in (None, entry.kind) for entry in self.entries)

    @classmethod
    def of(cls, plugin: Plugin) -> Listing:
        """The listing of a loaded plugin."""
        entries = tuple(Entry(c.kind, c.name, _summary(c), _provides(c)) for c in plugin.components)
        return cls(plugin.namespace, plugin.sources, entries, plugin.seconds, plugin.problem, plugin.warnings)

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Listing:
        """What `dataclasses.asdict` and JSON made of a listing. Raises KeyError, TypeError or ValueError."""
        return cls(
            str(record["namespace"]),
            tuple((str(name), str(version)) for name, version in record["sources"]),
            tuple(
                Entry(str(e["kind"]), str(e["name"]), str(e["summary"]), tuple(map(str, e["provides"])))
                for e in record["entries"]
            ),
            float(record["seconds"]),
            Problem(**record["problem"]) if record["problem"] else None,
            tuple(map(str, record["warnings"])),
        )


def describe(sources: Sources) -> str:
    """Distributions in words."""
    return " and ".join(f"{name} {version}".strip() or "?" for name, version in sources)


def mend(namespace: str) -> str:
    """What a user can do about a bug of an installed plugin."""
    return f"tell its author, or `ganreg uninstall {namespace}`"


def _summary(component: type[Component]) -> str:
    from inspect import cleandoc

    return cleandoc(component.__doc__ or "").partition("\n")[0]


def _provides(component: type[Component]) -> tuple[str, ...]:
    """What a class provides whatever its parameters."""
    provides = component.adds if isinstance(component.provides, property) else component.provides
    return tuple(sorted(map(str, provides))) if isinstance(provides, Set | tuple | list) else ()
