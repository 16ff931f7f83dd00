"""`ganreg check`: a spec validated, and one step of it played without memory or time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ganreg.cli.app import App
from ganreg.cli.composition import compose, composition

if TYPE_CHECKING:
    from ganreg.check import DryRun

DECIMAL = ("", "k", "M", "G", "T", "P")
BINARY = ("", "Ki", "Mi", "Gi", "Ti")


@click.command("check")
@composition
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(app: App, /, as_json: bool, **composed: Any) -> None:
    """Check a spec without training.

    Validates SPEC, or what the options compose, builds the networks without allocating their weights, and plays one
    step: shapes, gradients, cost. Options replace what the file says.
    """
    found = compose(app.registry, "check", **composed).check()
    if as_json:
        click.echo(json.dumps({"ok": True, **asdict(found)}, indent=2))
    else:
        click.echo("\n".join(_lines(found)))


def _lines(found: DryRun) -> list[str]:
    from ganreg.task import describe

    task = found.task
    facts = [f"images {describe(task.image)}", f"latent {task.latent}"]
    facts += [f"{task.classes} classes"] * (task.classes is not None)
    facts += [f"source {describe(task.source)}"] if task.source else []
    rows = [("network", "component", "parameters", "takes", "gives")]
    rows += [(n, s.component, f"{s.parameters:,}", s.takes, s.gives) for n, s in found.networks.items()]
    return [
        f"task    {', '.join(facts)}",
        *(f"terms   {player}: {', '.join(terms)}" for player, terms in _by_player(found.terms).items()),
        f"work    {_scaled(found.flops, 1000, DECIMAL)}FLOP per step",
        f"memory  {_scaled(found.memory, 1024, BINARY)}B at the peak, estimated, without the data",
        "",
        *_columns(rows),
        "",
        *(click.style("warning: ", fg="yellow") + warning for warning in found.warnings),
        click.style("ok", fg="green"),
    ]


def _by_player(terms: Sequence[str]) -> dict[str, list[str]]:
    players: dict[str, list[str]] = {}
    for name in terms:
        player, _, term = name.partition("/")
        players.setdefault(player, []).append(term)
    return players


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Aligned columns; numbers, which begin with a digit below their heading, to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    right = [column[-1][0].isdigit() for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:{'>' if r else '<'}{w}}" for cell, w, r in zip(row, widths, right, strict=True)).rstrip()
        for row in rows
    ]


def _scaled(number: float, base: int, prefixes: Sequence[str]) -> str:
    """Three digits and a prefix: "152 M"."""
    index = 0
    while number >= base and index < len(prefixes) - 1:
        number, index = number / base, index + 1
    return f"{number:.3g} {prefixes[index]}" if number < 1000 else f"{number:.0f} {prefixes[index]}"
