"""A comparison of runs in words, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from io import StringIO
from typing import TYPE_CHECKING, Any

import click

from ganreg.report.comparison import mean_rate
from ganreg.report.side_by_side import difference, protocol, spread

if TYPE_CHECKING:
    from ganreg.report.comparison import Comparison, Group, Row
    from ganreg.report.entries import Figure


def lines(comparison: Comparison) -> Iterator[str]:
    """The groups, a table for each figure, and what must not be missed."""
    rows = [
        [group.name, f"{len(group.pooled)} of {len(group.runs)}", ", ".join(map(str, group.pooled)), _rate(group)]
        for group in comparison.groups
    ]
    yield _table(["group", "pooled", "seeds", "images/s"], rows)
    for figure in comparison.figures:
        found = comparison.rows(figure)
        yield click.style(figure.name, bold=True)
        if how := protocol(figure):
            yield f"measured with {how}"
        yield _table(*_cells(comparison, found)) if found else "no complete run has a finite value of it\n"
    if not comparison.figures:
        yield "no figures: `metrics` in the spec measures during a run, `ganreg eval RUN --metric NAME` afterwards"
    for folder, reason in comparison.damaged:
        yield f"passed over: {folder}: {reason}"
    yield from (f"note: {note}" for note in comparison.notes)


def _cells(comparison: Comparison, rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    best = any(row.best for row in rows)
    heads = ["group", "n", "at step", "mean ± sd", *(["best"] if best else []), "difference [95 %]"]
    found = []
    for row in rows:
        told = "baseline" if row.group is comparison.baseline else difference(row)
        bests = [f"{row.best.mean:.4g}" if row.best else ""] if best else []
        found.append([row.group.name, str(row.last.n), ", ".join(map(str, row.steps)), spread(row), *bests, told])
    return heads, found


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, head in enumerate(heads):
        table.add_column(head, overflow="fold", justify="left" if index == 0 else "right")
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console()
    with StringIO() as text:
        Console(file=text, width=console.width).print(table)
        return text.getvalue()


def _rate(group: Group) -> str:
    rate = mean_rate(group)
    return "" if rate is None else f"{rate:,.0f}"


def record(comparison: Comparison) -> dict[str, Any]:
    """The comparison as JSON."""
    return {
        "baseline": comparison.baseline.name,
        "groups": [
            {
                "name": group.name,
                "settings": dict(group.settings),
                "pooled": list(group.pooled),
                "images_per_second": mean_rate(group),
                "runs": [
                    {"folder": str(r.folder), "seed": r.seed, "step": r.step, "steps": r.steps, "complete": r.complete}
                    for r in group.runs
                ],
            }
            for group in comparison.groups
        ],
        "figures": [_figure(comparison, figure) for figure in comparison.figures],
        "damaged": [{"folder": str(folder), "reason": reason} for folder, reason in comparison.damaged],
        "notes": list(comparison.notes),
    }


def _figure(comparison: Comparison, figure: Figure) -> dict[str, Any]:
    return {
        "name": figure.name,
        "protocol": json.loads(figure.protocol) if figure.protocol else None,
        "groups": [
            {
                "group": row.group.name,
                "steps": list(row.steps),
                "values": {str(seed): value for seed, value in row.values.items()},
                **asdict(row.last),
                "best": asdict(row.best) if row.best else None,
                "difference": asdict(row.difference) if row.difference else None,
            }
            for row in comparison.rows(figure)
        ],
    }
