"""What is not as it was locked, and what would mend it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ganreg.errors import Mistake, printable
from ganreg.registry.discovery import installed
from ganreg.registry.lock import Lock, Part

HASH = 12
"""Digits of a hash that are shown."""
OTHER_SPEC = "the lock is of a spec with other parts; a run without a lock makes a new one"


@dataclass(frozen=True)
class Difference:
    """One thing that differs between two locks.

    topic: "component" where a place of the spec holds another one; "version" and "source" of a part; "data" where the
    pictures are others; "environment".
    subject: a path in the spec, a distribution (or an id where there is none), or torch, python and so on.
    components: the paths in the spec that it concerns. locked, here: None where there is none.
    """

    topic: Literal["component", "version", "source", "data", "environment"]
    subject: str
    locked: str | None
    here: str | None
    components: tuple[str, ...] = ()
    remedy: str = ""

    @property
    def title(self) -> str:
        """The subject in words."""
        return printable(f"source of {self.subject}" if self.topic == "source" else self.subject)

    @property
    def values(self) -> tuple[str, str]:
        """What is locked and what is here, as they are shown."""
        length = HASH if self.topic == "source" else None
        return printable((self.locked or "none")[:length]), printable((self.here or "none")[:length])

    def __str__(self) -> str:
        return "{} has changed: locked {}, here {}".format(self.title, *self.values)


def differences(locked: Lock, here: Lock) -> list[Difference]:
    """How two locks differ: components, parts, data, and what is below them; nothing where they are equal.

    A part of another version has another source too, which is not said twice.
    """
    found: dict[Difference, tuple[str, ...]] = {}
    for path in sorted({**locked.components, **here.components}):
        then, now = locked.components.get(path), here.components.get(path)
        if difference := _between(path, then, now):
            found[difference] = (*found.get(difference, ()), path)
    parts = [replace(difference, components=paths) for difference, paths in found.items()]
    return [*parts, *_data(locked.data, here.data), *_environment(locked, here)]


def refusal(name: str, found: Sequence[Difference]) -> str:
    """Differences from a lock as a table, with what to do about them below."""
    rows = [(d.title, *d.values, ", ".join(d.components) if d.topic != "component" else "") for d in found]
    titles, locked, here = (max(len(row[column]) for row in rows) for column in range(3))
    lines = [
        f"  {title:<{titles}}  locked {then:<{locked}}  here {now:<{here}}  {printable(paths)}".rstrip()
        for title, then, now, paths in rows
    ]
    remedies = dict.fromkeys(d.remedy for d in found if d.remedy)
    return "\n".join(
        [f"this is not what {name} locks:", *lines, *(f"  help: {printable(remedy)}" for remedy in remedies)]
    )


def pinned(mistake: Mistake, locked: Lock) -> Mistake:
    """The mistake; where it is of a part whose plugin is not installed, with what brings back the locked one."""
    path = mistake.path[:-1] if mistake.path[-1:] == ("name",) else mistake.path
    part = locked.components.get(".".join(map(str, path)))
    if part is None or part.distribution is None or part.id.partition("/")[0] in installed():
        return mistake
    return replace(mistake, hint=_pin(part.distribution, part.version) or mistake.hint)


def _between(path: str, locked: Part | None, here: Part | None) -> Difference | None:
    """How the component at one path differs."""
    if locked is None or here is None or locked.id != here.id:
        then, now = locked.id if locked else None, here.id if here else None
        return Difference("component", path, then, now, remedy=OTHER_SPEC)
    subject = locked.distribution or locked.id
    if locked.distribution != here.distribution:
        return Difference("version", locked.id, _release(locked), _release(here), remedy=_pin(subject, locked.version))
    if locked.version != here.version:
        return Difference("version", subject, locked.version, here.version, remedy=_pin(subject, locked.version))
    if locked.source != here.source:
        again = f"pip install --force-reinstall --no-deps {subject}=={locked.version}, or " if locked.version else ""
        remedy = f"{again}bring back the source that {subject} had"
        return Difference("source", subject, locked.source, here.source, remedy=remedy)
    return None


def _data(locked: str | None, here: str | None) -> Iterator[Difference]:
    """That both have read pictures, and not the same ones."""
    if locked and here and locked != here:
        remedy = "bring back the pictures of before; a folder without a leading / is looked for in the current one"
        yield Difference("data", "data", locked, here, ("data",), remedy)


def _environment(locked: Lock, here: Lock) -> Iterator[Difference]:
    for name in ("ganreg", "torch", "python", "platform"):
        then, now = getattr(locked, name), getattr(here, name)
        if then != now:
            remedy = {"python": f"use Python {then}", "platform": f"use a machine of the platform {then}"}
            yield Difference("environment", name, then, now, remedy=remedy.get(name) or _pin(name, then))


def _release(part: Part) -> str | None:
    return f"{part.distribution} {part.version}" if part.distribution else None


def _pin(distribution: str, version: str | None) -> str:
    return f"pip install {distribution}=={version}" if version else ""
