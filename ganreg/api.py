"""The same from Python as from the command line: compose or load a run, check it, train it, sample from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex

from ganreg.components import KINDS, Component
from ganreg.errors import PluginError, RunFolderError, UsageError
from ganreg.registry import Registry
from ganreg.registry.comparison import differences, refusal
from ganreg.registry.lock import Lock, lock, read_lock
from ganreg.spec.compatibility import info_of, task_of
from ganreg.spec.document import Document, from_mapping, read
from ganreg.spec.node import describe
from ganreg.spec.runspec import RunSpec
from ganreg.spec.validation import validate, validate_component

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg.check import DryRun
    from ganreg.components import Metric
    from ganreg.engine.folder import RunFolder
    from ganreg.engine.loop import Stop, Training
    from ganreg.engine.world import World
    from ganreg.export import Exported
    from ganreg.trained import Measurement, Trained, Which


def compose(*, registry: Registry | None = None, **spec: Any) -> Run:
    """A run from the keys of a spec: `compose(generator="dcgan", discriminator="dcgan", loss="hinge", data="…")`.

    Values are names, mappings or components. Raises SpecError with all mistakes at once.
    """
    return Run.of(from_mapping(spec), registry or Registry.discover())


def load(path: str | os.PathLike[str], *, registry: Registry | None = None) -> Run:
    """The run of a spec file, or of a run's folder. Raises SpecError."""
    path = _path(path)
    if path.is_dir():
        document, registry = read(path / "spec.yaml"), registry or Registry.discover()
        return Run(validate(document, registry, data=False), registry, document, path)
    return Run.of(read(path), registry or Registry.discover())


def component(kind: str, name: str, *, registry: Registry | None = None, **parameters: Any) -> Any:
    """One part by kind and name, with its parameters: `component("loss", "hinge")`. Raises SpecError."""
    for what, word in (("kind", kind), ("name", name)):
        if not isinstance(word, str):
            raise UsageError(f"the {what} of a component is text, not {describe(word)}")
    if kind not in KINDS:
        raise UsageError(f"'{kind}' is no kind of component: {', '.join(KINDS)}")
    found: Component = validate_component(KINDS[kind], name, parameters, registry or Registry.discover())
    return found


def _path(given: str | os.PathLike[str]) -> Path:
    try:
        return Path(given)
    except TypeError:
        raise UsageError(f"a path is text or a pathlib.Path, not {describe(given)}") from None


class Run:
    """A validated run. Nothing is built and nothing is written before a method asks for it.

    folder: where it writes; a free name under runs/ where the spec names none. training: what the last `train` of
    this process ran, or None. held_to: the lock that it is not to differ from, with its file, or None.
    """

    def __init__(self, spec: RunSpec, registry: Registry, document: Document, folder: Path | None = None) -> None:
        self.spec = spec
        self.registry = registry
        self.document = document
        self._folder = folder or spec.output.folder
        self.held_to: tuple[str, Lock] | None = None
        self.training: Training | None = None

    @classmethod
    def of(cls, document: Document, registry: Registry) -> Run:
        """The run that a document describes. Raises SpecError."""
        return cls(validate(document, registry), registry, document)

    @property
    def folder(self) -> Path:
        """The run's folder."""
        if self._folder is None:
            from ganreg.engine.folder import free_name

            self._folder = free_name(Path("runs"), f"{self.spec.generator.name}-{self.spec.loss.name}")
        return self._folder

    def check(self) -> DryRun:
        """Build the networks and play a step on the meta device. Raises SpecError with positions."""
        from ganreg.check import dry_run
        from ganreg.engine.inherit import given_to

        with self.document.locating():
            task = task_of(self.spec, info_of(self.spec))
            return dry_run(self.spec, task, given_to(self.spec, lambda sentence: None))

    def lock(self) -> Lock:
        """The run's parts as they are here and now, with the versions below them: what lock.json will say."""
        return lock(self.spec.components(), self.registry)

    def locked(self, path: str | os.PathLike[str] | None = None) -> Run:
        """This run, where all is as a lock says: `ganreg.load("spec.yaml").locked("lock.json").train()`.

        path: a lock.json, or the folder of a run that holds one; the run's own folder where none is given.
        Its data are read by `train`, which raises PluginError before it writes anything where they are others.
        Raises PluginError with every difference, UsageError where there is no such file, SpecError where it is no lock.
        """
        path = _path(path) if path is not None else self.folder / "lock.json"
        locked = read_lock(path)
        if found := differences(locked, self.lock()):
            raise PluginError(refusal(str(path), found))
        self.held_to = str(path), locked
        return self

    def train(
        self,
        *,
        overwrite: bool = False,
        resume: bool = False,
        observers: Sequence[Any] = (),
        tick: Callable[[int], None] = lambda step: None,
        stop: Stop | None = None,
        say: Callable[[str], None] = lambda sentence: None,
    ) -> Run:
        """Train to the spec's last step; with `resume`, from the newest checkpoint that verifies.

        observers: components, or objects with methods of the observer kind, beside the spec's. tick: called after
        every step. say: hears in sentences what the check warns of, what a resume found, such as parts that have
        changed, and that room on a full disk is waited for.
        Raises SpecError, DataError, CheckpointError, DivergenceError, RunFolderError or Interrupted, PluginError where
        a part fails or is not as it was locked, ProcessError where another process of the run has ended, and UsageError
        for an observer that would hear nothing.
        """
        from ganreg.training import train

        train(
            self,
            self._claimed,
            overwrite=overwrite,
            resume=resume,
            observers=observers,
            tick=tick,
            stop=stop,
            say=say,
        )
        return self

    @contextmanager
    def _claimed(self) -> Iterator[RunFolder]:
        """The run's folder, claimed; where a free name was taken meanwhile, the next free one."""
        from ganreg.engine.folder import RunFolder

        named = self._folder is not None
        with ExitStack() as stack:
            while True:
                folder = RunFolder(self.folder)
                try:
                    stack.enter_context(folder.claimed())
                    break
                except RunFolderError:
                    if named or not folder.path.exists():
                        raise
                    self._folder = None
            yield folder

    def sample(self, count: int, *, seed: int | None = None, checkpoint: Which = "latest") -> Tensor:
        """`count` pictures (N, C, H, W) in [-1, 1] from the trained generator.

        From this process's training, or else from a checkpoint in the folder: the latest that is whole, the best by
        `output.best`, or that of a step. Raises CheckpointError where there is none, UsageError for less than one.
        Another seed gives other pictures.
        """
        from ganreg.engine.pictures import generate
        from ganreg.rng import untouched

        if isinstance(count, bool) or not isinstance(count, SupportsIndex) or count < 1:
            raise UsageError(f"{count!r} pictures cannot be made: ask for a whole number, of one at least")
        with untouched():
            match, feed = self._trained.at(checkpoint)
            found = generate(match, feed, count, "samples", *(() if seed is None else (seed,)))
            return found.images.clamp(-1, 1)

    def export(
        self, path: str | os.PathLike[str], *, checkpoint: Which = "latest", network: str | None = None
    ) -> Exported:
        """Write the trained generator into a file, .pt2, .onnx or .safetensors, and compare what it makes with the run.

        network: which one, of a game with several; the first by default. checkpoint: as in `sample`.
        Raises what `ganreg.export.export` does, and CheckpointError.
        """
        from ganreg.export import export
        from ganreg.rng import untouched

        with untouched():
            return export(self._trained.at(checkpoint)[0], _path(path), network)

    def evaluate(
        self,
        metrics: Sequence[Any] = (),
        *,
        checkpoint: Which = "latest",
        figures: str | os.PathLike[str] | None = None,
        measuring: Callable[[str, str, int, int], None] = lambda metric, side, done, total: None,
        measured: Callable[[Measurement], None] = lambda measurement: None,
    ) -> list[Measurement]:
        """Measure the trained networks: `run.evaluate(["separability"], checkpoint="best")`.

        metrics: names, mappings or components; the spec's own where there are none. checkpoint: as in `sample`.
        figures: a folder for the pictures that metrics give; `evaluations/` in the run's folder otherwise.
        measuring: hears how far each metric is, as an observer's method of that name does. measured: hears of each
        measurement once it is taken, whatever becomes of those that follow.
        Nothing of the training is touched, and `Measurement.record` writes one down for `ganreg compare`.
        Raises SpecError, CheckpointError, DataError, RunFolderError, PluginError where a metric fails, or UsageError
        where there is nothing to measure with.
        """
        chosen = self._metrics(metrics) if metrics else self.spec.metrics
        if not chosen:
            raise UsageError("the run has no metrics of its own: name some to measure with")
        from ganreg.rng import untouched  # imports torch, which a mistyped name need not wait for

        with untouched():
            folder = _path(figures) if figures is not None else None
            notes: dict[Any, Any] = {}
            match, feed = self._trained.with_data(checkpoint)  # the same for all, though the run may go on meanwhile
            found = []
            for metric in chosen:
                tick = partial(measuring, metric.name)
                found.append(self._trained.measure(metric, match, feed, folder, notes, tick))
                measured(found[-1])
            return found

    def _metrics(self, metrics: Sequence[Any]) -> Sequence[Metric]:
        """Metrics by reference, checked against the run that they are to measure."""
        document = self.document.merge(from_mapping({"metrics": metrics}))
        return validate(document, self.registry).metrics

    @cached_property
    def _trained(self) -> Trained:
        from ganreg.trained import Trained

        return Trained(self)

    def report(self) -> Path:
        """Write report.html from what the folder holds."""
        from ganreg.report import write_report

        return write_report(self.folder)

    def assemble(self, world: World | None = None, say: Callable[[str], None] = lambda sentence: None) -> Training:
        """Build every part and load the data, at the first step; nothing is written.

        What `train` runs, for those who look inside or test their parts: `run.assemble().match.step()`.
        world: the processes that play together; this one alone by default. say: hears what is compiled and what not.
        """
        from ganreg.engine.building import training_of
        from ganreg.engine.world import ALONE
        from ganreg.rng import untouched

        task = task_of(self.spec, info_of(self.spec))
        with self.document.locating(), untouched():
            return training_of(self.spec, task, self.folder, world or ALONE, say)
