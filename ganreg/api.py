"""The same from Python as from the command line: compose or load a run, check it, train it, sample from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganreg.components import KINDS, Component
from ganreg.errors import GanregError, SpecError, UsageError
from ganreg.registry import Registry, lock
from ganreg.spec.compatibility import task_of
from ganreg.spec.document import Document, from_mapping, read
from ganreg.spec.runspec import RunSpec
from ganreg.spec.validation import validate, validate_component
from ganreg.spec.writing import plain, to_yaml

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg.check import DryRun
    from ganreg.engine.loop import Stop, Training


def compose(*, registry: Registry | None = None, **spec: Any) -> Run:
    """A run from the keys of a spec: `compose(generator="dcgan", discriminator="dcgan", loss="hinge", data="…")`.

    Values are names, mappings or components. Raises SpecError with all mistakes at once.
    """
    return Run.of(from_mapping(spec), registry or Registry.discover())


def load(path: str | os.PathLike[str], *, registry: Registry | None = None) -> Run:
    """The run of a spec file, or of a run's folder. Raises SpecError."""
    path = Path(path)
    if path.is_dir():
        run = Run.of(read(path / "spec.yaml"), registry or Registry.discover())
        return Run(run.spec, run.registry, run.document, path)
    return Run.of(read(path), registry or Registry.discover())


def component(kind: str, name: str, *, registry: Registry | None = None, **parameters: Any) -> Any:
    """One part by kind and name, with its parameters: `component("loss", "hinge")`. Raises SpecError."""
    if kind not in KINDS:
        raise UsageError(f"'{kind}' is no kind of component: {', '.join(KINDS)}")
    found: Component = validate_component(KINDS[kind], name, parameters, registry or Registry.discover())
    return found


class Run:
    """A validated run. Nothing is built and nothing is written before a method asks for it.

    folder: where it writes; a free name under runs/ where the spec names none. training: what the last `train` or
    `sample` of this process ran, or None.
    """

    def __init__(self, spec: RunSpec, registry: Registry, document: Document, folder: Path | None = None) -> None:
        self.spec = spec
        self.registry = registry
        self.document = document
        self._folder = folder or spec.output.folder
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

        try:
            return dry_run(self.spec, task_of(self.spec, self.spec.data.info()))
        except SpecError as error:
            raise self._located(error) from error.__cause__

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

        observers: objects with methods of the observer kind, beside the spec's. tick: called after every step.
        say: hears in sentences what the check warns of and what a resume found. Raises SpecError, DataError,
        CheckpointError, DivergenceError, RunFolderError or Interrupted.
        """
        from ganreg.engine.folder import RunFolder
        from ganreg.engine.loop import Stop
        from ganreg.engine.streams import untouched

        for warning in self.check().warnings:
            say(f"warning: {warning}")
        folder = RunFolder(self.folder)
        with folder.claimed(), untouched():
            if not resume:
                folder.start(
                    to_yaml(self.spec, self.registry),
                    lock(self.spec.components(), self.registry),
                    overwrite=overwrite,
                )
            training = self.assemble()
            if resume:
                self._restore(training, say)
            training = replace(training, observers=[*training.observers, *observers], tick=tick, stop=stop or Stop())
            self.training = training
            training.tell("started", self.folder, plain(self.spec, self.registry))
            try:
                training.run()
            except BaseException:
                with suppress(GanregError):
                    self._finish(training)
                raise
            self._finish(training)
        return self

    def _finish(self, training: Training) -> None:
        training.tell("finished", training.match.step_index)
        self.report()

    def sample(self, count: int, *, seed: int | None = None) -> Tensor:
        """`count` pictures (N, C, H, W) in [-1, 1] from the trained generator.

        From this process's training, or else from the newest checkpoint in the folder; raises CheckpointError where
        there is none. Another seed gives other pictures.
        """
        from ganreg.engine.pictures import generate
        from ganreg.engine.streams import untouched

        with untouched():
            if self.training is None:
                training = self.assemble()
                state, _ = training.checkpoints.newest()
                training.match.load(state)
                self.training = training
            match, feed = self.training.match, self.training.feed
            return generate(match, feed, count, "samples", *(() if seed is None else (seed,)))

    def report(self) -> Path:
        """Write report.html from what the folder holds."""
        from ganreg.report import write_report

        return write_report(self.folder)

    def assemble(self) -> Training:
        """Build every part and load the data, at the first step; nothing is written.

        What `train` runs, for those who look inside or test their parts: `run.assemble().match.step()`.
        """
        from ganreg.assembly import assemble
        from ganreg.engine.checkpoints import Checkpoints
        from ganreg.engine.devices import resolve
        from ganreg.engine.feed import Feed
        from ganreg.engine.folder import RunFolder
        from ganreg.engine.loop import Training
        from ganreg.engine.match import Match

        spec = self.spec
        task = task_of(spec, spec.data.info())
        try:
            device = resolve(spec.train.device)
            parts = assemble(spec, task, device)
        except SpecError as error:
            raise self._located(error) from error.__cause__
        labels = task.classes is not None
        feed = Feed(spec.data.build(task), spec.train.batch_size, spec.seed, device, labels=labels)
        match = Match(spec, parts, feed, device)
        if spec.train.compile:
            for network in match.networks.values():
                network.compile()
        return Training(
            match,
            feed,
            RunFolder(self.folder),
            Checkpoints(self.folder / "checkpoints", spec.output.keep),
            metrics=[(metric.every, metric.build(task)) for metric in spec.metrics],
            observers=[observer.build(task) for observer in spec.observers],
        )

    def _restore(self, training: Training, say: Callable[[str], None]) -> None:
        if training.checkpoints.folders():
            state, skipped = training.checkpoints.newest()
            for sentence in skipped:
                say(f"skipped: {sentence}")
            training.match.load(state)
            say(f"going on from step {training.match.step_index}")
        else:
            say("no checkpoint yet: starting from the first step")
        training.folder.truncate(training.match.step_index if training.match.step_index else -1)

    def _located(self, error: SpecError) -> SpecError:
        """Mistakes that were found after validation, with their positions in the document."""
        return SpecError(
            [m if m.position else replace(m, position=self.document.locate(m.path)) for m in error.mistakes]
        )
