"""Who looks on at a run and moves nothing: samples, metrics, observers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch

from ganreg.components import Metric
from ganreg.engine.best import Standing
from ganreg.engine.blame import sentence
from ganreg.engine.disk import Patience, append
from ganreg.engine.feed import Feed
from ganreg.engine.folder import RunFolder
from ganreg.engine.match import Match
from ganreg.engine.metrics import Evaluation, Found, measure, picture_name
from ganreg.engine.pictures import generate, save_grid
from ganreg.errors import DivergenceError, GanregError, PluginError
from ganreg.rng import rekey
from ganreg.seeds import derive


@dataclass(frozen=True)
class Onlookers:
    """Those who look on at a run. Where one of them fails, the step is saved before that ends the run.

    save_unseen: saves a step that not all of them are done with. Raises DivergenceError.
    """

    match: Match
    feed: Feed
    folder: RunFolder
    observers: Sequence[Any]
    patience: Patience
    save_unseen: Callable[[], None]

    @cached_property
    def standing(self) -> Standing:
        """Which step is the best, by what was measured."""
        return Standing(self.match.spec.output.best, self.match.spec.metric_names)

    def sample(self) -> None:
        """Write a grid of samples; the same noise at every step."""
        if not self.match.world.first:
            return
        step, every = self.match.step_index, self.match.spec.output
        picture = self.folder.samples / f"{step:08d}.png"
        who = f"the generator '{self.match.spec.generator.name}', which makes samples,"
        with self._saving_first(who, MemoryError, torch.OutOfMemoryError):
            images = generate(self.match, self.feed, every.samples, "samples").images
        self.patience(lambda: save_grid(images, picture))
        self.tell("sampled", step, picture)

    def measure(self, *, last: bool) -> None:
        """Take the measurements that are due, all of them at the last step; the first process does."""
        if not self.match.world.first:
            return
        match, spec = self.match, self.match.spec
        notes: dict[Any, Any] = {}
        for metric, name, built in zip(spec.metrics, spec.metric_names, match.metrics.values(), strict=True):
            if last or (metric.every and match.step_index % metric.every == 0):
                self._write_down(metric, name, self._measured(metric, built, notes))
        if lacking := self.standing.lacking():
            self._saved()
            raise lacking

    def _measured(self, metric: Metric, built: Any, notes: dict[Any, Any]) -> Found:
        """What one metric finds."""
        with self._saving_first(f"the metric '{metric.name}'"):
            rekey(derive(self.match.spec.seed, "evaluate", self.match.step_index))  # as `ganreg eval` does
            tick = partial(self.tell, "measuring", metric.name)
            return measure(metric, built, Evaluation(self.match, self.feed, notes, tick))

    def _write_down(self, metric: Metric, name: str, found: Found) -> None:
        """Put what a metric has found into the folder, and tell of it. name: its own among the metrics of the run."""
        step = self.match.step_index
        if found.figures or found.pictures:
            self.standing.hear(step, found.figures, by=name, protocol=found.protocol)
        again = name.removeprefix(metric.name)  # a second metric of a name overwrites nothing of the first
        if found.figures:
            told = {"step": step, "metric": name, "metrics": found.figures, "protocol": found.protocol}
            self.patience(lambda: append(self.folder.log, told))
            self.tell("logged", step, {f"{figure}{again}": value for figure, value in found.figures.items()})
        for figure, picture in found.pictures.items():
            own = f"{picture_name(metric, figure)}{again}"
            path = self.folder.figure(own, step)
            self.patience(partial(save_grid, picture[None], path))
            self.tell("drawn", step, own, path)

    def tell(self, event: str, *details: Any, saving: bool = True) -> None:
        """Tell every observer that has a method for this event.

        saving: whether an error of theirs saves the state first; where a step has failed there is only half of one.
        """
        named = [component.name for component in self.match.spec.observers] if self.match.world.first else []
        for index, observer in enumerate(self.observers):
            if hasattr(observer, event):
                name = named[index] if index < len(named) else getattr(observer, "name", type(observer).__name__)
                with self._saving_first(f"the observer '{name}'") if saving else nullcontext():
                    getattr(observer, event)(*details)

    @contextmanager
    def _saving_first(self, who: str, *others: type[BaseException]) -> Iterator[None]:
        """An error of a part that only looks on costs no step: the state is saved before it ends the run.

        others: errors that are none of its.
        """
        theirs: tuple[type[BaseException], ...] = (GanregError, BrokenPipeError, *others)
        try:
            yield
        except theirs:
            raise
        except (Exception, SystemExit) as error:
            step, when = self.match.step_index, "before the first step"
            if step:
                when = f"after step {step}, {'which is saved' if self._saved() else 'whose state is not finite'}"
            raise PluginError(f"{who} failed {when}: {sentence(error)}") from error

    def _saved(self) -> bool:
        """Save the step, and tell whether its state is one to save.

        Raises DivergenceError where it is not and this process is alone. One of several cannot go back by itself: the
        others are in the next step meanwhile.
        """
        try:
            self.save_unseen()
        except DivergenceError:
            if self.match.world.alone:
                raise
            return False
        return True
