"""A run as a comparison takes it: whatever is missing or damaged is left out, and told."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from ganreg.components.base import distinct
from ganreg.engine.folder import RunFolder, damaged, numbered, records
from ganreg.errors import GanregError, SpecError, brief, printable
from ganreg.report.facts import bare, lock_of
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
    """One run. lacks: why it is not complete, nothing where it is. notes: what else was damaged. step: how far it came,
    of `steps`. last: the newest grid of samples. best: what tells the best checkpoint, where the run keeps it."""

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
    lacks: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether all is there that a run has which reached its last step: its figures are those of that step."""
        return not self.lacks

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
    lost: list[str] = []
    log, evaluations = (list(_sound(file, lost)) for file in (run.log, run.evaluations))
    speed = list(_sound(run.speed, notes))
    lock = lock_of(run)
    if not lock:
        notes.append("lock.json is missing or damaged: what the run was made of is not known")
    samples, checkpoints = numbered(run.samples.glob("*.png")), numbered(run.checkpoints.glob("*"))
    rates = [record["images_per_second"] for record in speed if _is_number(record.get("images_per_second"))]
    step = max([record["step"] for record in log] + [step for step, _ in checkpoints], default=0)
    unfinished = [f"unfinished, at step {step} of {steps}"] if step < steps else _undone(run, log, spec, steps)
    return Entry(
        folder=path,
        spec=spec,
        seed=seed,
        steps=steps,
        step=step,
        figures=_figures(log, evaluations),
        best=_best(log, spec),
        losses=_points(log, "losses"),
        images_per_second=median(rates) if rates else None,
        last=samples[-1] if samples else None,
        lock=lock,
        lacks="; ".join(unfinished + lost),
        notes=notes,
    )


def _sound(path: Path, notes: list[str]) -> Iterator[dict[str, Any]]:
    """The records of a file; lines that are damaged are noted, and a last one that was cut short."""
    try:
        found, lost = records(path), damaged(path)
        text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    except (GanregError, OSError) as error:
        notes.append(f"{path.name} cannot be read: {brief(error)}")
        return
    if lost:
        notes.append(f"{path.name} is damaged in line {', '.join(map(str, lost))}")
    if len(found) + len(lost) < sum(bool(line.strip()) for line in text.split("\n")):
        notes.append(f"{path.name} ends within a line")
    yield from found


def _undone(run: RunFolder, log: list[dict[str, Any]], spec: Mapping[str, Any], steps: int) -> list[str]:
    """What the log does not tell of the last step: its losses, or what the run's metrics measured at it.

    A metric of pictures alone tells the log nothing. That it was done is told by the checkpoint, which comes after it.
    """
    last = [record for record in log if record["step"] == steps]
    if not any("losses" in record for record in last):
        return [f"{run.log.name} tells nothing of the last step"]
    logged, done = ({str(record.get("metric")) for record in some} for some in (log, last))
    undone = [name for name in _metrics(spec) if name not in done]
    if undone and _looked_at(run.checkpoints / f"{steps:08d}"):
        undone = [name for name in undone if name in logged]
    return [f"unfinished, without the last measurement of {', '.join(map(printable, undone))}"] if undone else []


def _looked_at(checkpoint: Path) -> bool:
    """Whether a checkpoint is there, and was saved after all that looks on was done with its step."""
    try:
        state = json.loads((checkpoint / "state.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(state, dict) and state.get("unseen") is False


def _metrics(spec: Mapping[str, Any]) -> list[str]:
    """The names of the run's metrics, as its log has them."""
    own = spec.get("metrics")
    return distinct([bare(metric) for metric in own]) if isinstance(own, list) else []


def _figures(log: list[dict[str, Any]], evaluations: list[dict[str, Any]]) -> dict[Figure, Points]:
    """Every figure by what it is, those that were measured during the run and those that were measured later."""
    found: dict[Figure, Points] = {}
    for record in [*log, *evaluations]:
        for name, value in record.get("metrics", {}).items():
            found.setdefault(Figure(name, _protocol(record)), {})[record["step"]] = _finite(value)
    return found


def _protocol(record: Mapping[str, Any]) -> str:
    """How a figure was measured."""
    protocol = record.get("protocol")
    return "" if protocol is None else json.dumps(protocol, sort_keys=True)


def poolable(runs: Iterable[Entry]) -> list[Entry]:
    """Runs that differ in their seed alone, with one protocol for pictures that came from each one's own, whichever.

    A seed that others of them measured with as well is none's own: it belongs to how the figure is measured.
    """
    runs, seeds = list(runs), dict[Figure, set[int]]()
    for run in runs:
        for figure in run.figures:
            seeds.setdefault(figure, set()).add(run.seed)
    found = []
    for run in runs:
        own = {figure: _own(figure, run.seed) for figure in run.figures if len(seeds[figure]) == 1}
        figures = {own.get(figure, figure): points for figure, points in run.figures.items()}
        found.append(replace(run, figures=figures, best=run.best and own.get(run.best, run.best)))
    return found


def _own(figure: Figure, seed: int) -> Figure:
    protocol = json.loads(figure.protocol) if figure.protocol else {}
    if protocol.get("seed") != seed:
        return figure
    return Figure(figure.name, json.dumps(protocol | {"seed": "the run's"}, sort_keys=True))


def _best(log: list[dict[str, Any]], spec: Mapping[str, Any]) -> Figure | None:
    """The figure by which the run keeps its best checkpoint: that of the first metric that gives it."""
    output = spec.get("output")
    best = output.get("best") if isinstance(output, dict) else None
    if not isinstance(best, dict):
        return None
    figure = str(best.get("metric"))
    given = {str(record.get("metric")): record for record in log if figure in record.get("metrics", {})}
    first = next((name for name in _metrics(spec) if name in given), None)
    return None if first is None else Figure(figure, _protocol(given[first]))


def _points(log: list[dict[str, Any]], key: str) -> dict[str, Points]:
    found: dict[str, Points] = {}
    for record in log:
        for name, value in record.get(key, {}).items():
            found.setdefault(name, {})[record["step"]] = _finite(value)
    return found


def _finite(value: Any) -> float:
    """A value that can be added to others and squared; NaN for any other."""
    return float(value) if _is_number(value) and abs(value) < MOST else math.nan


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
