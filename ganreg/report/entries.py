"""A run as a comparison takes it: whatever is missing or damaged is left out, and told."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from ganreg.components.base import distinct
from ganreg.engine.folder import RunFolder, damaged, numbered, records
from ganreg.errors import GanregError, SpecError, brief
from ganreg.report.facts import bare
from ganreg.spec.document import read

Points = dict[int, float]
"""Values by step."""
MOST = 1e150
"""From here on squares of values are no numbers any more: they count as what is not finite."""


@dataclass(frozen=True)
class Figure:
    """What is measured: a figure's name, and how, as JSON; two that differ in either do not compare."""

    name: str
    protocol: str = ""


@dataclass
class Entry:
    """One run. notes: what was damaged. step: how far it came, of `steps`. last: the newest grid of samples. best: what
    tells the best checkpoint, where the run keeps it."""

    folder: Path
    spec: Mapping[str, Any]
    seed: int
    steps: int
    step: int
    figures: dict[Figure, Points]
    best: Figure | None
    losses: dict[str, Points]
    images_per_second: float | None
    last: tuple[int, Path] | None
    lock: Mapping[str, Any]
    notes: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether it reached its last step."""
        return self.step >= self.steps

    @property
    def recipe(self) -> dict[str, Any]:
        """All of the spec but the seed, and where and how often it writes."""
        return {key: value for key, value in self.spec.items() if key not in ("seed", "output")}


def entry(path: Path) -> Entry:
    """Read a run's folder. Raises SpecError where its spec says nothing of what it was."""
    run = RunFolder(path)
    spec = read(run.spec).data
    seed, train = spec.get("seed"), spec.get("train")
    steps = train.get("steps") if isinstance(train, dict) else None
    if type(seed) is not int or type(steps) is not int:
        raise SpecError([])
    notes: list[str] = []
    log, speed, evaluations = (list(_sound(file, notes)) for file in (run.log, run.speed, run.evaluations))
    samples, checkpoints = numbered(run.samples.glob("*.png")), numbered(run.checkpoints.glob("*"))
    rates = [record["images_per_second"] for record in speed if _is_number(record.get("images_per_second"))]
    return Entry(
        folder=path,
        spec=spec,
        seed=seed,
        steps=steps,
        step=max([record["step"] for record in log] + [step for step, _ in checkpoints], default=0),
        figures=_figures(log, evaluations, seed),
        best=_best(log, spec, seed),
        losses=_points(log, "losses"),
        images_per_second=median(rates) if rates else None,
        last=samples[-1] if samples else None,
        lock=_lock(run.lock, notes),
        notes=notes,
    )


def _sound(path: Path, notes: list[str]) -> Iterator[dict[str, Any]]:
    """The records of a file; lines that are damaged are noted."""
    try:
        found, lost = records(path), damaged(path)
    except (GanregError, OSError) as error:
        notes.append(f"{path.name} cannot be read: {brief(error)}")
        return
    if lost:
        notes.append(f"{path.name} is damaged in line {', '.join(map(str, lost))}")
    yield from found


def _figures(log: list[dict[str, Any]], evaluations: list[dict[str, Any]], seed: int) -> dict[Figure, Points]:
    """Every figure by what it is, those that were measured during the run and those that were measured later."""
    found: dict[Figure, Points] = {}
    for record in [*log, *evaluations]:
        for name, value in record.get("metrics", {}).items():
            figure = Figure(name, _protocol(record, seed))
            found.setdefault(figure, {})[record["step"]] = _finite(value)
    return found


def _protocol(record: Mapping[str, Any], seed: int) -> str:
    """How a figure was measured.

    That pictures came from the run's own seed is one protocol, whichever it is: runs are pooled over seeds.
    """
    protocol = record.get("protocol")
    if protocol is None:
        return ""
    return json.dumps(protocol | ({"seed": "the run's"} if protocol.get("seed") == seed else {}), sort_keys=True)


def _best(log: list[dict[str, Any]], spec: Mapping[str, Any], seed: int) -> Figure | None:
    """The figure by which the run keeps its best checkpoint: that of the first metric that gives it."""
    output, own = spec.get("output"), spec.get("metrics")
    best = output.get("best") if isinstance(output, dict) else None
    if not isinstance(best, dict) or not isinstance(own, list):
        return None
    figure = str(best.get("metric"))
    given = {record.get("metric"): record for record in log if figure in record.get("metrics", {})}
    first = next((name for name in distinct([bare(metric) for metric in own]) if name in given), None)
    return None if first is None else Figure(figure, _protocol(given[first], seed))


def _points(log: list[dict[str, Any]], key: str) -> dict[str, Points]:
    found: dict[str, Points] = {}
    for record in log:
        for name, value in record.get(key, {}).items():
            found.setdefault(name, {})[record["step"]] = _finite(value)
    return found


def _lock(path: Path, notes: list[str]) -> dict[str, Any]:
    try:
        lock = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        notes.append("lock.json is missing or damaged: what the run was made of is not known")
        return {}
    return lock if isinstance(lock, dict) else {}


def _finite(value: Any) -> float:
    """A value that can be added to others and squared; NaN for any other."""
    return float(value) if _is_number(value) and abs(value) < MOST else math.nan


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
