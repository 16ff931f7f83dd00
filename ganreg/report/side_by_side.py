"""compare.html: groups of runs side by side on one self-contained page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ganreg.engine.disk import replace, writing
from ganreg.report import plots
from ganreg.report.comparison import Comparison, Group, Row, mean_rate, shown
from ganreg.report.entries import Figure, Points
from ganreg.report.facts import Series
from ganreg.report.page import Panel, Picture, filled, pictures

SAMPLE_SIZE = 640
"""Pixels of a grid at most."""


def write_comparison(comparison: Comparison, path: Path) -> Path:
    """Write the page, into a folder that is made where there is none. Raises RunFolderError where it cannot be."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, render_comparison(comparison).encode())
    return path


def render_comparison(comparison: Comparison) -> str:
    """The page as text; the same every time for the same runs."""
    groups = comparison.groups
    return filled(
        "compare.html",
        comparison=comparison,
        groups=[(_colour(index), group, mean_rate(group)) for index, group in enumerate(groups)],
        differing=list(dict.fromkeys(path for group in groups for path in group.settings)),
        setting=lambda group, path: shown(group.settings[path]) if path in group.settings else "–",
        figures=list(_figures(comparison)),
        samples=[(group, run, picture) for group in groups for run, picture in _sample(group)],
        losses=list(_losses(groups)),
        colour={group.name: _colour(index) for index, group in enumerate(groups)},
        say=number,
        spread=spread,
        difference=difference,
    )


def protocol(figure: Figure) -> str:
    """How a figure was measured, in words; nothing where it is not known."""
    return in_words(json.loads(figure.protocol)) if figure.protocol else ""


def in_words(protocol: Mapping[str, Any]) -> str:
    """A protocol on one line."""
    told = {key: value if isinstance(value, str) else json.dumps(value) for key, value in protocol.items()}
    return ", ".join(f"{key} {value}" for key, value in told.items())


def number(value: float) -> str:
    """Four digits."""
    return f"{value:.4g}"


def spread(row: Row) -> str:
    """Mean ± standard deviation."""
    return number(row.last.mean) + ("" if row.last.sd is None else f" ± {number(row.last.sd)}")


def difference(row: Row) -> str:
    """The paired difference with its interval, or why there is none."""
    paired = row.difference
    if paired is None:
        return "no pair with the baseline"
    if paired.low is None or paired.high is None:
        return f"{paired.mean:+.4g} (one pair)"
    return f"{paired.mean:+.4g} [{paired.low:+.4g}, {paired.high:+.4g}]"


def _colour(index: int) -> int:
    return 1 + index % plots.COLOURS


def _figures(comparison: Comparison) -> Iterator[tuple[Figure, str, Panel | None, list[Row]]]:
    """Each figure with its protocol in words, its curves where it was measured more than once, and its rows."""
    for index, figure in enumerate(comparison.figures):
        points = [[run.figures[figure] for run in g.drawn if figure in run.figures] for g in comparison.groups]
        several = any(len(one) > 1 for group in points for one in group)
        panel = _panel(figure.name, comparison.groups, points, f"figure{index}") if several else None
        yield figure, protocol(figure), panel, comparison.rows(figure)


def _losses(groups: Sequence[Group]) -> Iterator[Panel]:
    names = dict.fromkeys(name for group in groups for run in group.drawn for name in run.losses)
    for index, name in enumerate(names):
        points = [[run.losses[name] for run in group.drawn if name in run.losses] for group in groups]
        if panel := _panel(name, groups, points, f"loss{index}"):
            yield panel


def _panel(title: str, groups: Sequence[Group], points: Sequence[Sequence[Points]], key: str) -> Panel | None:
    """The mean curve of each group with its spread, in the group's colour; None where nothing can be drawn."""
    found = [(index, group.curve(theirs)) for index, (group, theirs) in enumerate(zip(groups, points, strict=True))]
    drawn: list[tuple[int, Series]] = [(index, series) for index, series in found if series is not None]
    if not drawn:
        return None
    series = [one for _, one in drawn]
    last = int(max(one.steps[-1] for one in series))
    svg = plots.curves(series, last, key, colours=[index for index, _ in drawn])
    legend = [(one.name, _colour(index), number(one.values[-1])) for index, one in drawn]
    spans = "; ".join(f"{name} ends at {value}" for name, _, value in legend)
    return Panel(title, svg, legend, f"Mean curves over {last:,} steps: {spans}", {})


def _sample(group: Group) -> Iterator[tuple[Any, Picture]]:
    """The newest grid of the first run that has one."""
    for run in group.drawn:
        if run.last and (found := pictures([run.last], SAMPLE_SIZE)):
            yield run, found[0]
            return
