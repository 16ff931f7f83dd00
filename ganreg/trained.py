"""A trained run: its networks as a checkpoint holds them, and measurements of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ganreg.components import Metric
from ganreg.engine.best import Standing
from ganreg.engine.blame import sentence
from ganreg.engine.building import built_alike, checkpoints_of, feed_of, match_of
from ganreg.engine.checkpoints import Checkpoints
from ganreg.engine.disk import append
from ganreg.engine.feed import Feed
from ganreg.engine.folder import RunFolder, figure_name, records
from ganreg.engine.match import Match
from ganreg.engine.metrics import Evaluation, Found, Tick, measure, picture_name
from ganreg.engine.pictures import save_grid
from ganreg.engine.restore import trained_task
from ganreg.errors import CheckpointError, GanregError, PluginError, UsageError
from ganreg.rng import rekey
from ganreg.seeds import derive
from ganreg.spec.compatibility import info_of, task_of
from ganreg.task import Task

if TYPE_CHECKING:
    from ganreg.api import Run

log = logging.getLogger("ganreg")

Which = int | Literal["latest", "best"]
"""A checkpoint: the newest that is whole, the best by `output.best`, or that of a step."""


@dataclass(frozen=True)
class Measurement:
    """What a metric told of the networks at a step.

    metric: its reference in a spec, parameters and all. figures: numbers by name. protocol: how they were measured;
    figures of different protocols do not compare. pictures: the files of its pictures.
    """

    step: int
    metric: Mapping[str, Any]
    figures: Mapping[str, float]
    protocol: Mapping[str, Any]
    pictures: Mapping[str, Path]

    def record(self, folder: Path) -> None:
        """Write it down in the run's folder, beside its log, for `ganreg compare`. Raises RunFolderError."""
        told = {"metric": dict(self.metric), "metrics": dict(self.figures), "protocol": dict(self.protocol)}
        append(RunFolder(folder).evaluations, {"step": self.step, **told})


class Trained:
    """What a run has trained: in this process, or in one that left checkpoints; the last one that was asked for."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._known: object = None
        self._loaded: tuple[Match, Feed | None] | None = None

    def at(self, which: Which) -> tuple[Match, Feed | None]:
        """The match of a checkpoint; it has data only where generators need source pictures. Raises CheckpointError."""
        training = self._run.training
        if which == "latest" and training is not None:
            return training.match, training.feed
        # A run may go on meanwhile, here or in another process, or be replaced by one of the same steps.
        wanted = self._best() if which == "best" else which
        known = wanted, self._checkpoints.changed()
        if self._loaded is None or known != self._known:
            with self._run.document.locating():
                self._read(wanted)
            self._known = known
        assert self._loaded is not None
        return self._loaded

    def with_data(self, which: Which) -> tuple[Match, Feed]:
        """The match of a checkpoint, and the data. Raises CheckpointError, or DataError."""
        match, feed = self.at(which)
        if feed is None:
            run, task = self._run, match.parts.task
            if task != task_of(run.spec, info_of(run.spec)):
                raise CheckpointError("the checkpoint does not fit the data: its shapes are not theirs")
            feed = feed_of(run.spec, task)
            self._loaded = match, feed
        return match, feed

    def measure(
        self,
        metric: Metric,
        match: Match,
        feed: Feed,
        figures: Path | None,
        notes: dict[Any, Any],
        tick: Tick,
    ) -> Measurement:
        """What a metric says of a checkpoint; its pictures go into a folder. Raises PluginError where it fails.

        match and feed: of `with_data`. notes and tick: the evaluation's.
        """
        run, task = self._run, match.parts.task
        rekey(derive(run.spec.seed, "evaluate", match.step_index))
        found = _measured(metric, Evaluation(match, feed, notes, tick), task, run.spec.seed)
        place = figures or RunFolder(run.folder).evaluated
        # What was measured otherwise, or by a namesake, stands beside it.
        who = run.registry.id_of(type(metric))
        mark = sha256(json.dumps([who, found.protocol], sort_keys=True).encode()).hexdigest()[:6]
        pictures = {
            name: place / figure_name(f"{picture_name(metric, name)}-{mark}", match.step_index)
            for name in found.pictures
        }
        for name, path in pictures.items():
            save_grid(found.pictures[name][None], path)
        parameters = metric.model_dump(mode="json", context={"registry": run.registry})
        reference = {"name": who, **parameters}
        return Measurement(match.step_index, reference, found.figures, found.protocol, pictures)

    @property
    def _checkpoints(self) -> Checkpoints:
        return checkpoints_of(self._run.spec, self._run.folder)

    def _read(self, which: Which) -> None:
        if which == "latest":
            _, skipped = self._checkpoints.newest(self._take)
            for why in skipped:
                log.warning("skipped: %s", why)
        elif type(which) is int:
            self._take(self._checkpoints.at(which))
        else:
            raise UsageError(f"there is no checkpoint {which!r}: 'latest', 'best' or the number of a step names one")

    def _best(self) -> int:
        best = self._run.spec.output.best
        if best is None:
            raise UsageError("the run keeps no best checkpoint: output.best in its spec names the figure that tells it")
        standing = Standing(best, self._run.spec.metric_names)
        standing.recall(records(RunFolder(self._run.folder).log))
        if standing.step is None:
            raise CheckpointError(f"no checkpoint is the best yet: the log holds no '{best.metric}'")
        return standing.step

    def _take(self, state: Mapping[str, Any]) -> None:
        run = self._run
        task = trained_task(state, run.spec)
        if task.source is not None and task != task_of(run.spec, info_of(run.spec)):
            raise CheckpointError("it does not fit this run: its source pictures are not those of the data")
        feed = feed_of(run.spec, task) if task.source else None
        match = match_of(run.spec, task, feed)
        match.load(state)
        self._loaded = match, feed


def _measured(metric: Metric, evaluation: Evaluation, task: Task, seed: int) -> Found:
    """What a metric found. Raises PluginError where it fails."""
    try:
        return measure(metric, built_alike(metric, task, seed), evaluation)
    except (GanregError, MemoryError):
        raise
    except Exception as error:
        raise PluginError(f"the metric '{metric.name}' failed: {sentence(error)}") from error
