"""How long steps take while a checkpoint is written, beside the others of the same run.

    python -m tests.crash.saving
    python -m tests.crash.saving --network mlp --batch-size 16 --steps 600

A step counts as beside a save where it began one, was the next, or ended while the files were still being written.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

import click

import ganreg

EVERY = 10


class Watch:
    """Tells the times of steps with a save beside them from those of steps without."""

    def __init__(self, checkpoints: Path) -> None:
        self.beside: list[float] = []
        self.alone: list[float] = []
        self._checkpoints = checkpoints
        self._last = time.perf_counter()

    def tick(self, step: int) -> None:
        """A step is done."""
        seconds = time.perf_counter() - self._last
        saving = step % EVERY < 2 or any(self._checkpoints.glob(".*.tmp"))
        if step > EVERY:  # the first ones warm up
            (self.beside if saving else self.alone).append(seconds)
        self._last = time.perf_counter()


@click.command()
@click.option("--steps", default=200, show_default=True)
@click.option("--batch-size", default=64, show_default=True)
@click.option("--network", default="dcgan", show_default=True, help="Of both players.")
def main(steps: int, batch_size: int, network: str) -> None:
    """Train a GAN with a checkpoint every ten steps, and compare steps beside a save with the others."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"
        train = {"steps": steps, "batch_size": batch_size, "device": "cpu"}
        output = {"folder": folder, "checkpoint_every": EVERY, "samples_every": steps}
        watch = Watch(folder / "checkpoints")
        parts = {"data": "fashion-mnist-10k", "generator": network, "discriminator": network, "loss": "hinge"}
        ganreg.compose(**parts, train=train, output=output).train(tick=watch.tick)
        size = sum(path.stat().st_size for path in (folder / "checkpoints" / f"{steps:08d}").iterdir())
    alone, beside = (1000 * median(times) for times in (watch.alone, watch.beside))
    click.echo(f"checkpoint {size / 2**20:.1f} MiB; {network}, batch {batch_size}")
    click.echo(f"alone       {alone:7.1f} ms, median of {len(watch.alone)} steps")
    click.echo(f"with a save {beside:7.1f} ms, median of {len(watch.beside)} steps: {beside / alone:.2f}x")


if __name__ == "__main__":
    main()
