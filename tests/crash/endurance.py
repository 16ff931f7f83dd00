"""Train many tiny steps, and tell what grows: memory, objects, open files, and the time of a step with its log line.

    python -m tests.crash.endurance --steps 20000

The first quarter is left for caches to fill; growth is what the rest of the run adds.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click
import torch

import ganreg
from tests.crash.campaign import spec_of

MARKS = 8
MOST_MEMORY = 4 * 2**20
"""Bytes by which the resident memory of a process may waver."""


class Mark(NamedTuple):
    """The process after a step. memory: resident, bytes. seconds: of the median step since the mark before."""

    step: int
    memory: int
    objects: int
    files: int
    seconds: float


class Watch:
    """Marks at equal distances; `tick` is the loop's."""

    def __init__(self, steps: int) -> None:
        self.marks: list[Mark] = []
        self._distance = steps // MARKS
        self._times: list[float] = []
        self._last = time.perf_counter()

    def tick(self, step: int) -> None:
        """A step is done."""
        now = time.perf_counter()
        self._times.append(now - self._last)
        if step % self._distance == 0:
            gc.collect()
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            memory = pages * os.sysconf("SC_PAGE_SIZE")
            mark = Mark(step, memory, len(gc.get_objects()), len(os.listdir("/proc/self/fd")), median(self._times))
            self.marks.append(mark)
            self._times.clear()
        self._last = time.perf_counter()


def endure(steps: int, folder: Path) -> list[Mark]:
    """Train so many steps, each with a line of the log, with pictures and checkpoints between, and return the marks."""
    torch.set_num_threads(1)
    spec = spec_of("feedback state (ADA)")
    spec["train"] = {**spec["train"], "steps": steps}
    spec["output"] = {**spec["output"], "folder": folder, "samples_every": 100, "checkpoint_every": 100}
    watch = Watch(steps)
    ganreg.compose(**spec).train(tick=watch.tick)
    return watch.marks


def growth(marks: list[Mark]) -> dict[str, int]:
    """What was added after the first quarter, beyond what wavers: at a mark, a checkpoint may be being written."""
    early, late = marks[MARKS // 4 - 1 : MARKS // 2], marks[-MARKS // 4 :]

    def added(quantity: str, wavers: int = 0) -> int:
        before, after = (min(getattr(mark, quantity) for mark in some) for some in (early, late))
        return max(0, after - before - wavers)

    return {"bytes": added("memory", MOST_MEMORY), "objects": added("objects", 100), "files": added("files")}


@click.command()
@click.option("--steps", default=20_000, show_default=True)
def main(steps: int) -> None:
    """Train many tiny steps, and tell what grows."""
    with tempfile.TemporaryDirectory() as place:
        marks = endure(steps, Path(place) / "run")
    click.echo("   step   memory MiB   objects   files   median ms a step")
    for mark in marks:
        figures = f"{mark.memory / 2**20:>10.1f} {mark.objects:>10} {mark.files:>6} {1000 * mark.seconds:>11.2f}"
        click.echo(f"{mark.step:>7} {figures}")
    grown = growth(marks)
    click.echo("grows: " + (", ".join(f"{n} {what}" for what, n in grown.items() if n) or "nothing"))
    sys.exit(any(grown.values()))


if __name__ == "__main__":
    main()
