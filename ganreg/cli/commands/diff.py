"""`ganreg diff`: what differs between two runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganreg.cli.app import App
from ganreg.cli.folders import confirmed
from ganreg.errors import printable

if TYPE_CHECKING:
    from ganreg.registry import Registry
    from ganreg.registry.comparison import Difference
    from ganreg.registry.lock import Lock
    from ganreg.spec.changes import Change

FOLDER = ("output", "folder")
"""The path in the spec that says where the run is, and nothing of what it is."""


@dataclass(frozen=True)
class Side:
    """One of the two: its spec as plain data with every default, and its lock; a spec file has none."""

    name: str
    spec: dict[str, Any]
    lock: Lock | None


@click.command("diff")
@click.argument("first", metavar="RUN")
@click.argument("second", metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(context: click.Context, first: str, second: str, as_json: bool) -> None:
    """Tell what differs between two runs.

    RUN is the folder of a run, or a spec file, which has no parts and versions to compare. Each line gives a path in
    the spec, a part or a version, with the values in the first and the second run. A component in the place of
    another is one line. The folder that a run is written to does not count.

    The exit code is 1 where the runs differ and 0 where they do not.
    """
    from ganreg.engine.disk import strict
    from ganreg.registry.comparison import differences
    from ganreg.spec.changes import changes

    app: App = context.obj
    one, other = (_side(path, app.registry) for path in (first, second))
    spec = [change for change in changes(one.spec, other.spec) if change.path != FOLDER]
    found = differences(one.lock, other.lock) if one.lock and other.lock else []
    # Another set has other pictures; and so has another seed, where they are drawn.
    pictures = set() if any(change.path[0] in ("data", "seed") for change in spec) else {"data"}
    parts = [d for d in found if d.topic in {"version", "source"} | pictures]
    versions = [d for d in found if d.topic == "environment"]
    equal = not (spec or parts or versions)
    unlocked = [side.name for side in (one, other) if side.lock is None]
    if as_json:
        locks: dict[str, Any] = {"parts": list(map(_difference, parts)), "versions": list(map(_difference, versions))}
        record = {"equal": equal, "spec": list(map(_record, spec)), **(dict.fromkeys(locks) if unlocked else locks)}
        click.echo(json.dumps(strict(record), indent=2))
    else:
        click.echo("no difference" if equal else "\n".join(_lines(spec, parts, versions)))
        if unlocked:
            click.echo(f"parts and versions are not compared: no lock.json in {' and '.join(unlocked)}", err=True)
    context.exit(0 if equal else 1)


def _side(path: str, registry: Registry) -> Side:
    """Raises UsageError where there is neither run nor spec, SpecError where one is damaged."""
    from ganreg.registry.lock import read_lock
    from ganreg.spec.document import read

    if Path(path).is_file():
        from ganreg.api import load
        from ganreg.spec.writing import plain

        return Side(path, plain(load(path, registry=registry).spec, registry), None)
    folder = confirmed(path)
    return Side(path, read(folder / "spec.yaml").data, read_lock(folder) if (folder / "lock.json").exists() else None)


def _record(change: Change) -> dict[str, Any]:
    """A change of the spec as JSON; a value that is absent, which null is not, has no key."""
    from ganreg.spec.changes import ABSENT

    values = {"first": change.before, "second": change.after}
    return {"path": _dotted(change), **{key: value for key, value in values.items() if value is not ABSENT}}


def _difference(difference: Difference) -> dict[str, Any]:
    """A part or a version as JSON."""
    found = {"name": difference.subject, "first": difference.locked, "second": difference.here}
    return (
        found
        if difference.topic == "environment"
        else {**found, "what": difference.topic, "components": list(difference.components)}
    )


def _lines(spec: Iterable[Change], parts: Iterable[Difference], versions: Iterable[Difference]) -> list[str]:
    """A heading for all that has lines, and the lines in the same columns: a sign, what differs, and how."""
    rows = {"spec": list(map(_row, spec))}
    rows |= {
        title: [(" ", difference.title, " → ".join(difference.values)) for difference in found]
        for title, found in (("parts", parts), ("versions", versions))
    }
    width = max(len(what) for found in rows.values() for _, what, _ in found)
    lines: list[str] = []
    for title, found in rows.items():
        if found:
            lines += [""] * bool(lines) + [click.style(title, bold=True)]
            lines += [_painted(f"{sign} {what:<{width}}  {how}") for sign, what, how in found]
    return lines


def _row(change: Change) -> tuple[str, str, str]:
    from ganreg.spec.changes import ABSENT

    if change.before is ABSENT:
        return "+", _dotted(change), _shown(change.after)
    if change.after is ABSENT:
        return "-", _dotted(change), _shown(change.before)
    return " ", _dotted(change), f"{_shown(change.before)} → {_shown(change.after)}"


def _painted(line: str) -> str:
    color = {"+": "green", "-": "red"}.get(line[0])
    return click.style(line, fg=color) if color else line


def _dotted(change: Change) -> str:
    return printable(".".join(map(str, change.path)))


def _shown(value: Any) -> str:
    """A component by its name; text as it is where it cannot be taken for anything else; the rest as JSON."""
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        value = value["name"]
    if isinstance(value, str) and value.isprintable() and value.strip() == value and _is_plain(value):
        return value
    return printable(json.dumps(value, ensure_ascii=False))


def _is_plain(text: str) -> bool:
    """Whether a spec could hold it without quotes."""
    from ganreg.spec.reader import resolve

    return resolve(text) == text
