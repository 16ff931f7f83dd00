"""How far a training or a measurement is: a bar on a terminal, else a line every few seconds; both on stderr."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from ganreg.spec.runspec import RunSpec

REDRAW = 0.1
"""Seconds between two drawings of the bar."""
LINE = 5.0
"""Seconds between two plain lines."""
WINDOW = 10.0
"""Seconds over which speed is measured."""


class Mark(NamedTuple):
    """Where a training was at a time."""

    time: float
    step: int
    batches: int


class Progress:
    """What is known of a training in progress, and when it is shown. An observer, and the loop's `tick`.

    where: the steps that are done and the batches that are used up. every: seconds between two showings.
    """

    every = LINE

    def __init__(
        self, spec: RunSpec, where: Callable[[], tuple[int, int]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.steps = spec.train.steps
        self.losses: dict[str, float] = {}
        self._players = tuple(spec.game.players)
        self._batch_size = spec.train.batch_size
        self._where = where
        self._clock = clock
        self._marks: deque[Mark] = deque()
        self._begun = self._shown = clock()

    def started(self, folder: Path, spec: Mapping[str, Any]) -> None:
        """The training begins."""
        click.echo(f"training into {folder}", err=True)
        self._begun = self._shown = self._clock()
        self._marks.append(Mark(self._begun, *self._where()))

    def logged(self, step: int, values: Mapping[str, float]) -> None:
        """Losses, by "player/term", or metrics, which are passed over."""
        losses: dict[str, float] = {}
        for name, value in values.items():
            player, slash, _ = name.partition("/")
            if slash and player in self._players:
                losses[player] = losses.get(player, 0.0) + value
        self.losses = losses or self.losses

    def tick(self, step: int) -> None:
        """A step is done."""
        if self._clock() - self._shown >= self.every:
            self.mark()

    def measuring(self, metric: str, side: str, done: int, total: int) -> None:
        """A metric has looked at so many of its pictures."""
        if self._clock() - self._shown >= self.every:
            self._shown = self._clock()
            self.show(self._where()[0], _measured(metric, side, done, total))

    def mark(self) -> None:
        """Take the time, and show where the training is."""
        now = Mark(self._clock(), *self._where())
        self._shown = now.time
        self._marks.append(now)
        while now.time - self._marks[0].time > WINDOW and len(self._marks) > 2:
            self._marks.popleft()
        self.show(now.step, self.text())

    def text(self) -> str:
        """Images per second, losses, and the time that is left, or at the end the time that it took."""
        then, now = self._marks[0], self._marks[-1]
        seconds = max(now.time - then.time, 1e-9)
        images = (now.batches - then.batches) * self._batch_size / seconds
        losses = [f"{player} {value:.3f}" for player, value in self.losses.items()]
        when = f"took {_duration(now.time - self._begun)}"
        if now.step < self.steps:
            done = now.step - then.step
            when = f"ETA {_duration((self.steps - now.step) * seconds / done) if done else '?'}"
        return "  ".join([f"{images:,.0f} images/s", *losses, when])

    def show(self, step: int, text: str) -> None:
        """Print one line."""
        click.echo(f"step {step}/{self.steps}  {text}", err=True)

    def close(self) -> None:
        """Show where the training ended, if it began."""
        if self._marks:
            self.mark()


class Bar(Progress):
    """A bar that is drawn from `tick`, without a thread of its own."""

    every = REDRAW

    def __init__(self, spec: RunSpec, where: Callable[[], tuple[int, int]]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as Display

        super().__init__(spec, where)
        columns = (BarColumn(bar_width=24), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
        self._display = Display(*columns, console=Console(stderr=True), auto_refresh=False)
        self._task = self._display.add_task("", total=self.steps)

    def started(self, folder: Path, spec: Mapping[str, Any]) -> None:
        """The training begins."""
        super().started(folder, spec)
        self._display.start()

    def show(self, step: int, text: str) -> None:
        """Draw the bar."""
        self._display.update(self._task, completed=step, description=text, refresh=True)

    def close(self) -> None:
        """Leave the bar as it is, and the terminal as it was."""
        super().close()
        self._display.stop()


def progress(spec: RunSpec, where: Callable[[], tuple[int, int]]) -> Progress:
    """How far a training is: a bar where stderr is a terminal that can draw one."""
    return Bar(spec, where) if drawable() else Progress(spec, where)


@contextmanager
def measuring() -> Iterator[Callable[[str, str, int, int], None]]:
    """Takes how far metrics are, and shows it; the bar goes when they are done."""
    if drawable():
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Display

        columns = (BarColumn(bar_width=24), TextColumn("{task.description}", markup=False))
        with Display(*columns, console=Console(stderr=True), transient=True) as display:
            task = display.add_task("", total=None)
            yield lambda *far: display.update(task, completed=far[2], total=far[3], description=_measured(*far))
        return
    shown = time.monotonic()

    def tell(metric: str, side: str, done: int, total: int) -> None:
        nonlocal shown
        if time.monotonic() - shown >= LINE:
            shown = time.monotonic()
            click.echo(_measured(metric, side, done, total), err=True)

    yield tell


def drawable() -> bool:
    """Whether stderr is a terminal that can draw a bar."""
    return sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")


def _measured(metric: str, side: str, done: int, total: int) -> str:
    return f"{metric}: {done:,} of {total:,} {side} pictures"


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
