"""The training loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from ganreg.engine.blame import culprit, sentence
from ganreg.engine.checkpoints import Checkpoints
from ganreg.engine.clock import Clock
from ganreg.engine.disk import Patience, append
from ganreg.engine.feed import Feed
from ganreg.engine.folder import RunFolder, attempts, records
from ganreg.engine.match import Match
from ganreg.engine.onlookers import Onlookers
from ganreg.engine.restore import digests, not_finite
from ganreg.engine.saver import Saver
from ganreg.engine.state import split
from ganreg.errors import CheckpointError, DivergenceError, GanregError, Interrupted, PluginError


@dataclass
class Stop:
    """A wish to stop, from a signal handler: the loop finishes its step, saves and raises Interrupted."""

    signal_number: int | None = None


@dataclass(frozen=True)
class Training:
    """A run in progress: the match, its data and folder, and who listens.

    tick: called after every step with its number. say: hears in sentences what a user should know.
    """

    match: Match
    feed: Feed
    folder: RunFolder
    checkpoints: Checkpoints
    observers: Sequence[Any] = ()
    tick: Callable[[int], None] = lambda step: None
    say: Callable[[str], None] = lambda sentence: None
    stop: Stop = field(default_factory=Stop)

    @cached_property
    def patience(self) -> Patience:
        """Does what writes, and waits for room on a full disk where the spec says so."""
        waits = self.match.spec.output.disk_full == "wait"
        return Patience(waits, self.say, lambda: self.stop.signal_number is not None)

    @cached_property
    def _saver(self) -> Saver:
        return Saver(self.folder, self.checkpoints, self.patience)

    @cached_property
    def _onlookers(self) -> Onlookers:
        return Onlookers(self.match, self.feed, self.folder, self.observers, self.patience, self._save_unseen)

    def restore(self) -> None:
        """Go on from the newest checkpoint that can be used, or from the first step where none is written yet.

        Of several processes this is for the first one; the others follow by `share`. Raises CheckpointError where no
        checkpoint can be used, or the folder that they stand in is gone.
        """
        match = self.match
        if not self.checkpoints.folder.is_dir():
            raise CheckpointError(
                f"{self.checkpoints.folder} is not the folder that the run has begun with: put it back, or begin "
                "anew by `ganreg run --overwrite`"
            )
        self.checkpoints.tidy()
        if self.checkpoints.folders():
            self._take_newest()
            self.say(f"going on from step {match.step_index}")
        else:
            self._refuse_to_lose()
            self.say("no checkpoint yet: starting from the first step")
        measured = match.step_index - 1 if match.unseen else None
        self._forget_after(match.step_index, measured=measured)
        match.attempt = max(match.attempt, attempts(self.folder.log, match.step_index))

    def _take_newest(self) -> None:
        """Go back to the newest checkpoint that can be used, and say why newer ones cannot."""
        _, skipped = self.checkpoints.newest(self.match.load)
        for why in skipped:
            self.say(f"skipped: {why}")

    def _refuse_to_lose(self) -> None:
        """Raise CheckpointError where the log is too long for a run that has written no checkpoint yet."""
        every = self.match.spec.output.checkpoint_every
        step = max((record["step"] for record in records(self.folder.log)), default=0)
        if step > 2 * every:  # the one of step `every` was waited for before the next was begun
            raise CheckpointError(
                f"{self.checkpoints.folder} holds no checkpoint, though the log tells of step {step}: put them back, "
                "or begin anew by `ganreg run --overwrite`"
            )

    def share(self) -> None:
        """Let all processes of the run go on from where the first one stands."""
        match = self.match
        if not match.world.alone:
            state = match.world.share(match.state() if match.world.first else None, match.device)
            if not match.world.first:
                match.load(state)

    def run(self) -> None:
        """Train to the last step of the spec.

        Raises DivergenceError, CheckpointError, RunFolderError, PluginError or Interrupted, and SpecError where no
        metric gives the figure that tells the best checkpoint. In every case the one that was begun is whole on return.
        """
        try:
            while True:
                try:
                    return self._run()
                except DivergenceError as error:
                    self._roll_back(error)
        except BaseException:
            self.match.world.leave()
            raise
        finally:
            self._saver.settle()

    def _run(self) -> None:
        match, steps, every = self.match, self.match.spec.train.steps, self.match.spec.output
        self._onlookers.standing.recall(records(self.folder.log))
        if match.unseen:
            self._see_again()
        clock = Clock(match, sum(record["seconds"] for record in records(self.folder.speed)[-1:]))
        if match.step_index == 0:
            self._onlookers.sample()
        first = match.step_index + 1
        while match.step_index < steps:
            self._step()
            if match.step_index == first:
                split(match.state(), {})  # what no checkpoint can hold is told now, not when the first one is due
            step, signal_number = match.step_index, match.world.most(self.stop.signal_number or 0)
            stopping = signal_number > 0
            last = step == steps or stopping
            if step % every.log_every == 0 or step == steps:
                self.log(clock)
            if step % every.samples_every == 0 or step == steps:
                self._onlookers.sample()
            self._onlookers.measure(last=step == steps)
            best = every.best is not None and match.world.most(int(step == self._onlookers.standing.step)) > 0
            if step % every.checkpoint_every == 0 or last or best:
                self.save(together=True)
            self.tick(step)
            if stopping and step < steps:
                raise Interrupted(f"stopped by a signal after step {step}", signal_number)

    def _see_again(self) -> None:
        """Do what was left undone of a step, so that the run has all that it would have."""
        step, every = self.match.step_index, self.match.spec.output
        last = step == self.match.spec.train.steps
        if step % every.samples_every == 0 or last:
            self._onlookers.sample()
        self._onlookers.measure(last=last)
        self.match.unseen = False
        self.save(wait=True)

    def _step(self) -> None:
        try:
            self.match.step()
        except (GanregError, MemoryError, torch.OutOfMemoryError):
            raise
        except (Exception, SystemExit) as error:
            path, who = culprit(error, self.match)
            if not path:
                raise
            raise PluginError(f"{who} failed in step {self.match.step_index + 1}: {sentence(error)}") from error

    def _roll_back(self, error: DivergenceError) -> None:
        """Go back to the newest checkpoint and draw anew, where the spec says so; else raise the error."""
        self._saver.settle()
        match, train, attempt = self.match, self.match.spec.train, self.match.attempt + 1
        if train.nonfinite != "rollback":
            raise error
        if attempt > train.rollbacks:
            raise DivergenceError(f"{error}; gone back {train.rollbacks} times (train.rollbacks)") from error
        if not match.world.most(int(match.world.first and bool(self.checkpoints.folders()))):
            raise error
        if match.world.first:
            self._take_newest()
            self._forget_after(match.step_index)
        self.share()
        match.attempt = attempt
        match.guard.forget()
        self._write(self.folder.log, {"step": self.match.step_index, "rollback": attempt, "because": str(error)})

    def _forget_after(self, step: int, *, measured: int | None = None) -> None:
        """Take back what was recorded after a step, and say what cannot be read of the rest; measured as `truncate`."""
        for damage in self.folder.truncate(step, measured=measured):
            self.say(f"skipped: {damage}")

    def log(self, clock: Clock) -> None:
        """Read the losses, once for all terms, and write them down."""
        match, train = self.match, self.match.spec.train
        if not train.cuda_graphs and match.world.alone and clock.finds_idle():
            self.say("the device waits for Python: train.cuda_graphs=true may make a step several times faster")
        match.guard.check()
        values = [value.detach().float().reshape(()) for value in match.terms.values()]
        losses = dict(zip(match.terms, torch.stack(values).tolist() if values else [], strict=True))
        self._write(self.folder.log, {"step": match.step_index, "losses": losses})
        self._write(self.folder.speed, {"step": match.step_index, **clock.read()})
        self.tell("logged", match.step_index, losses)

    def save(self, *, together: bool = False, wait: bool = False) -> None:
        """Begin to write a checkpoint, after making sure that what it holds is finite; `wait` until it is there.

        Of several processes the first writes it, and may do so alone. together: all have come by, and what each holds
        is looked at. Raises DivergenceError, then in all.
        """
        match = self.match
        found = not_finite(match)
        if together and match.world.most(int(found is not None)):
            found = found or "what another process holds is not finite"
        match.guard.check()  # where something is found, it knows since when
        if found:
            raise DivergenceError(f"after step {match.step_index}: {found}")
        if together:
            self._compare()
        if match.world.first:
            self._saver.save(match.state(), spare=self._onlookers.standing.step)
        if wait:
            self._saver.settle()

    def _save_unseen(self) -> None:
        """Save a step that not all that looks on is done with: going on, it is looked at first."""
        self.match.unseen = True
        self.save(wait=True)

    def _compare(self) -> None:
        """Say once of which networks and parts the processes hold different states: a checkpoint has the first one's.

        All of them have to ask.
        """
        world = self.match.world
        if world.alone:
            return
        for name, digest in digests(self.match).items():
            if not world.agree(digest) and name not in self._differing:
                self._differing.add(name)
                self.say(
                    f"warning: the state of {name} differs between the processes, and a checkpoint holds the first "
                    "one's: what it keeps is of each process's own pictures, not of the whole batch (`play.gather`)"
                )

    @cached_property
    def _differing(self) -> set[str]:
        return set()

    def _write(self, path: Path, record: Mapping[str, Any]) -> None:
        if self.match.world.first:
            self.patience(lambda: append(path, record))

    def tell(self, event: str, *details: Any, saving: bool = True) -> None:
        """`Onlookers.tell`."""
        self._onlookers.tell(event, *details, saving=saving)
