"""report.html: a run's folder as one self-contained page."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any

from ganreg.engine.disk import replace
from ganreg.engine.folder import RunFolder, opened
from ganreg.errors import RunFolderError
from ganreg.report import plots
from ganreg.report.facts import Facts, Series, gather

THUMBNAILS = 9  # three rows of three beside the newest grid
THUMBNAIL_SIZE = 320  # pixels at most, so that the page stays small
PICTURE_SIZE = 1280
FIGURE_SIZE = 640


@dataclass(frozen=True)
class Picture:
    """A grid of samples as a data URI; width and height in pixels."""

    step: int
    width: int
    height: int
    source: str


@dataclass(frozen=True)
class Panel:
    """A drawing and its legend: each curve's name, the number of its colour and its last value.

    protocol: what the values depend on besides the networks.
    """

    title: str
    svg: str
    legend: list[tuple[str, int, str]]
    description: str
    protocol: Mapping[str, Any]


def write_report(folder: str | PathLike[str]) -> Path:
    """Write `<folder>/report.html` from what a run's folder holds, and return its path.

    The page needs no network and no script, and is the same every time for the same folder. Logs, samples,
    checkpoints and the lock may be missing. Raises RunFolderError where the folder holds no run, or cannot be read or
    written.
    """
    run = RunFolder(Path(folder))
    if not run.spec.is_file():
        raise RunFolderError(f"{run.path} holds no run: there is no spec.yaml in it")
    try:
        page = render(gather(run))
    except OSError as error:
        raise RunFolderError(f"cannot read {run.path}: {error.strerror or error}") from error
    replace(run.report, page.encode())
    return run.report


def render(facts: Facts) -> str:
    """The page as text."""
    last = facts.step
    panels = [panel(player, terms, last, f"loss{i}") for i, (player, terms) in enumerate(facts.losses.items())]
    metrics = [panel(one.name, [one], last, f"metric{i}") for i, one in enumerate(facts.metrics)]
    speed = [panel(one.name, [one], last, "speed", from_zero=True) for one in facts.speed]
    thumbnails = pictures(evenly(facts.samples, THUMBNAILS), THUMBNAIL_SIZE)
    newest = [sample for sample in facts.samples if thumbnails and sample[0] == thumbnails[-1].step][-1:]
    return filled(
        "template.html",
        facts=facts,
        losses=panels,
        metrics=metrics,
        speed=speed,
        thumbnails=thumbnails,
        figures=[(name, pictures(evenly(found, 3), FIGURE_SIZE)) for name, found in facts.figures.items()],
        newest=pictures(newest, PICTURE_SIZE),
        notes=_notes(facts),
        spec=_sections(facts.spec_text),
    )


def filled(name: str, **values: object) -> str:
    """A template of this package with values."""
    from jinja2 import Environment, FunctionLoader

    loader = FunctionLoader(lambda file: files("ganreg.report").joinpath(file).read_text("utf-8"))
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(number=_number, duration=_duration, size=_size, shown=_shown)
    return environment.get_template(name).render(values)


def panel(title: str, series: Sequence[Series], last_step: int, key: str, *, from_zero: bool = False) -> Panel:
    """A panel with one curve per series, all of one protocol."""
    legend = [
        ("last" if one.name == title else one.name, 1 + index % plots.COLOURS, f"{one.values[-1]:,.4g}")
        for index, one in enumerate(series)
    ]
    spans = [f"{one.name} from {one.values[0]:,.4g} to {one.values[-1]:,.4g}" for one in series]
    svg = plots.curves(series, last_step, key, from_zero=from_zero)
    description = f"Curves over {last_step:,} steps: {'; '.join(spans)}"
    return Panel(title, svg, legend, description, series[0].protocol)


def evenly(items: list[tuple[int, Path]], count: int) -> list[tuple[int, Path]]:
    """At most `count` items: the first, the last, and those that lie evenly between them."""
    if len(items) <= count:
        return items
    return [items[round(i * (len(items) - 1) / (count - 1))] for i in range(count)]


def pictures(samples: Sequence[tuple[int, Path]], largest: int) -> list[Picture]:
    """Sample grids as data URIs, reduced by a whole factor to `largest` pixels; unreadable ones are left out."""
    found = []
    for step, path in samples:
        try:
            with opened(path) as image:
                grid = image.convert("L" if image.mode in ("1", "L") else "RGB")
        except (OSError, SyntaxError, ValueError):  # what PIL has for broken pictures
            continue
        grid = grid.reduce(math.ceil(max(grid.size) / largest))
        content = BytesIO()
        grid.save(content, "PNG", optimize=True)
        source = f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
        found.append(Picture(step, grid.width, grid.height, source))
    return found


def _notes(facts: Facts) -> list[str]:
    """What a reader must not miss."""
    named = [(f"{player}/{one.name}", one) for player, terms in facts.losses.items() for one in terms]
    named += [(one.name, one) for one in facts.metrics]
    notes = [] if facts.recipe else ["spec.yaml could not be read as a spec."]
    for name, one in named:
        lost = one.steps[~plots.finite(one.values)]
        if len(lost):
            notes.append(f"{name} is not finite at {len(lost):,} of {len(one.steps):,} steps, first at {lost[0]:,.0f}.")
    return notes


def _sections(text: str) -> list[list[tuple[str, str, str]]]:
    """The lines of a spec, each cut into indentation, key and value; a section for every key at the top."""
    sections: list[list[tuple[str, str, str]]] = []
    for line in text.splitlines():
        body = line.lstrip(" -")
        key, colon, value = body.partition(":")
        start = line[: len(line) - len(body)]
        cut = (start, key + colon, value) if colon else (start, "", body)
        if not sections or (line and line[0] not in " -"):
            sections.append([])
        sections[-1].append(cut)
    return sections


def _number(number: float) -> str:
    """1234 as 1,234; small numbers keep a digit."""
    return f"{number:,.0f}" if number >= 100 or number == int(number) else f"{number:.1f}"


def _duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def _shown(value: Any) -> str:
    """A value of a protocol; of a hash its first digits, which tell it apart."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{52}\b", r"\1…", "none" if value is None else str(value))


def _size(count: int) -> str:
    """Bytes as megabytes."""
    return f"{count / 1e6:,.1f} MB"
