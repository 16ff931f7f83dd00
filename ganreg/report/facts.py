"""What a run's folder tells. A run may be young, stopped or damaged: whatever is missing is left out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganreg.engine.folder import RunFolder, numbered, records
from ganreg.errors import SpecError
from ganreg.spec.document import read

RECIPE = ("generator", "discriminator", "loss", "data")


@dataclass(frozen=True)
class Series:
    """A quantity over the steps of a run. Values may be NaN or infinite.

    protocol: of a metric's figures, what they depend on besides the networks. There is one series for each.
    spread: of several runs of which these are the means, to either side of each value.
    """

    name: str
    steps: NDArray[np.float64]
    values: NDArray[np.float64]
    protocol: Mapping[str, Any] = field(default_factory=dict)
    spread: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Facts:
    """A run as its folder tells it.

    recipe: pairs of a component's bare name and its role. steps: what the spec asks for, None where it cannot be
    read. step: how far the run came. losses: each player's terms. seconds: of training, over all resumptions.
    samples: step and file; figures: the same of each of the metrics' pictures. checkpoints: step and bytes.
    """

    name: str
    spec_text: str
    recipe: list[tuple[str, str]]
    seed: int | None
    steps: int | None
    step: int
    losses: dict[str, list[Series]]
    metrics: list[Series]
    speed: list[Series]
    images_per_second: float | None
    seconds: float
    samples: list[tuple[int, Path]]
    figures: dict[str, list[tuple[int, Path]]]
    checkpoints: list[tuple[int, int]]
    components: dict[str, Mapping[str, Any]]
    environment: dict[str, Any]


def gather(run: RunFolder) -> Facts:
    """Read a run's folder. Raises OSError where a file is there and cannot be read."""
    log, clock = records(run.log), records(run.speed)
    spec, lock = _spec(run.spec), lock_of(run)
    samples = numbered(run.samples.glob("*.png"))
    checkpoints = numbered(path for path in run.checkpoints.glob("*") if path.is_dir())
    rates = [record["images_per_second"] for record in clock]
    players: dict[str, list[Series]] = {}
    for series in _series((record["step"], record.get("losses", {})) for record in log):
        player, _, term = series.name.partition("/")
        players.setdefault(player, []).append(Series(term, series.steps, series.values))
    train = spec.get("train", {})
    return Facts(
        name=run.path.resolve().name,
        spec_text=run.spec.read_text(encoding="utf-8", errors="replace"),
        recipe=[(bare(spec[role]), role) for role in RECIPE if role in spec],
        seed=spec.get("seed"),
        steps=train.get("steps"),
        step=max([record["step"] for record in log + clock] + [step for step, _ in samples + checkpoints], default=0),
        losses=players,
        metrics=_metrics([*log, *records(run.evaluations)]),
        speed=_series((record["step"], {"images per second": record["images_per_second"]}) for record in clock),
        images_per_second=median(rates) if rates else None,
        seconds=clock[-1]["seconds"] if clock else 0.0,
        samples=samples,
        figures=_figures(run.figures, run.evaluated),
        checkpoints=[(step, _bytes(path)) for step, path in checkpoints],
        components=lock.pop("components", {}),
        environment={name: version for name, version in lock.items() if name not in ("format", "data")},
    )


def _metrics(log: Iterable[Mapping[str, Any]]) -> list[Series]:
    """One series per name and protocol: figures of different protocols do not compare."""
    groups: dict[str, tuple[Mapping[str, Any], list[tuple[int, Mapping[str, float | None]]]]] = {}
    for record in log:
        protocol = record.get("protocol", {})
        _, lines = groups.setdefault(json.dumps(protocol, sort_keys=True), (protocol, []))
        lines.append((record["step"], record.get("metrics", {})))
    return [replace(one, protocol=protocol) for protocol, lines in groups.values() for one in _series(lines)]


def _series(lines: Iterable[tuple[int, Mapping[str, float | None]]]) -> list[Series]:
    """One series per name, in order of appearance; of two values at one step the later line's."""
    points: dict[str, dict[int, float]] = {}
    for step, figures in lines:
        for name, value in figures.items():
            points.setdefault(name, {})[step] = math.nan if value is None else value
    return [Series(name, *np.array(sorted(found.items()), dtype=np.float64).T) for name, found in points.items()]


def _figures(*places: Path) -> dict[str, list[tuple[int, Path]]]:
    """The metrics' pictures by name, those of a later place instead of an earlier one's of the same step."""
    found: dict[str, dict[int, Path]] = {}
    for folder in (folder for place in places for folder in place.glob("*")):
        found.setdefault(folder.name, {}).update(numbered(folder.glob("*.png")))
    return {name: sorted(pictures.items()) for name, pictures in sorted(found.items())}


def _bytes(folder: Path) -> int:
    """The size of a checkpoint; a run in progress may be removing it."""
    try:
        return sum(path.stat().st_size for path in folder.iterdir())
    except FileNotFoundError:
        return 0


def bare(reference: Any) -> str:
    """The name in a reference, without its namespace."""
    name = reference.get("name") if isinstance(reference, dict) else reference
    return str(name).rpartition("/")[2]


def _spec(path: Path) -> dict[str, Any]:
    """What the spec says; nothing where it was damaged."""
    try:
        spec = read(path).data
    except SpecError:
        return {}
    train = spec.get("train", {})
    return spec if isinstance(train, dict) and isinstance(train.get("steps", 0), int) else {}


def lock_of(run: RunFolder) -> dict[str, Any]:
    """What the lock says; nothing where it is missing or damaged."""
    try:
        lock = json.loads(run.lock.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return lock if isinstance(lock, dict) and isinstance(lock.get("components"), dict) else {}
