"""How far a training is: a bar on a terminal, else a plain line every few seconds; both on stderr."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ganreg.spec.runspec import RunSpec

REDRAW = 0.1
"""Seconds between two drawings of the bar."""
LINE = 5.0
"""Seconds between two plain lines."""
WINDOW = 10.0
"""Seconds over which speed is measured."""


class Progress:
    """What is known of a training in progress, and when it is shown. An observer, and the loop's `tick`.

    every: seconds between two showings.
    """

    every = LINE

    def __init__(self, spec: RunSpec, clock: Callable[[], float] = time.monotonic) -> None:
        self.steps = spec.train.steps
        self.step = 0
        self.losses: dict[str, float] = {}
        self._players = tuple(spec.game.players)
        self._batch = spec.train.batch_size
        self._clock = clock
        self._begun = self._shown = clock()
        self._marks: deque[tuple[float, int]] = deque()

    def started(self, folder: Path, spec: Mapping[str, Any]) -> None:
        """The training begins."""
        click.echo(f"training into {folder}", err=True)
        self._begun = self._shown = self._clock()

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
        now = self._clock()
        if not self._marks:
            self._marks.append((self._begun, step - 1))
        self.step = step
        if now - self._shown >= self.every:
            self._shown = now
            self._marks.append((now, step))
            while now - self._marks[0][0] > WINDOW and len(self._marks) > 2:
                self._marks.popleft()
            self.show()

    @property
    def speed(self) -> float:
        """Steps per second, of late."""
        if not self._marks:
            return 0.0
        then, step = self._marks[0]
        return (self.step - step) / max(self._clock() - then, 1e-9)

    def text(self) -> str:
        """Images per second, losses, and the time that is left, or at the end the time that it took."""
        speed = self.speed
        losses = [f"{player} {value:.3f}" for player, value in self.losses.items()]
        if self.step >= self.steps:
            when = f"took {_duration(self._clock() - self._begun)}"
        else:
            when = f"ETA {_duration((self.steps - self.step) / speed) if speed else '?'}"
        return "  ".join([f"{speed * self._batch:,.0f} images/s", *losses, when])

    def show(self) -> None:
        """Print one line."""
        click.echo(f"step {self.step}/{self.steps}  {self.text()}", err=True)

    def close(self) -> None:
        """Show the last step, if there was one."""
        if self._marks:
            self.show()


class Bar(Progress):
    """A bar that is drawn from `tick`, without a thread of its own."""

    every = REDRAW

    def __init__(self, spec: RunSpec) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as Display

        super().__init__(spec)
        columns = (BarColumn(bar_width=24), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
        self._display = Display(*columns, console=Console(stderr=True), auto_refresh=False)
        self._task = self._display.add_task("", total=self.steps)

    def started(self, folder: Path, spec: Mapping[str, Any]) -> None:
        """The training begins."""
        super().started(folder, spec)
        self._display.start()

    def show(self) -> None:
        """Draw the bar."""
        self._display.update(self._task, completed=self.step, description=self.text(), refresh=True)

    def close(self) -> None:
        """Leave the bar as it is, and the terminal as it was."""
        super().close()
        self._display.stop()


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def progress(spec: RunSpec) -> Progress:
    """A bar where stderr is a terminal that can draw one."""
    drawable = sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")
    return Bar(spec) if drawable else Progress(spec)
