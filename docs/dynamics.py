"""Write dynamics.svg beside this file, and print the tables of docs/dynamics.md: what schedules and optimizers do.

`python docs/dynamics.py` draws the way of each in the game min over x, max over y of xy, from (1, 1), and
`python docs/dynamics.py ring` trains on a ring of eight Gaussians, which takes minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import torch
from torch import Tensor, nn

from ganreg import Batch, Dataset, Discriminator, Generator, Loss, Task, compose
from ganreg.task import DatasetInfo

mpl.use("Agg")
from matplotlib import pyplot as plt

PICTURE = Path(__file__).with_suffix(".svg")
RATE, STEPS = 0.2, 150
PLAYERS = ("generator", "discriminator")
SGD = "classic/sgd"
METHODS: dict[str, tuple[Any, str]] = {
    "simultaneous": ("classic/simultaneous", SGD),
    "alternating": ("classic/alternating", SGD),
    "extragradient": ("dynamics/extragradient", SGD),
    "past-extragradient": ("dynamics/past-extragradient", SGD),
    "prediction": ("dynamics/prediction", SGD),
    "unrolled, 5 steps": ({"name": "dynamics/unrolled", "lr": RATE}, SGD),
    "lookahead-minmax": ({"name": "dynamics/lookahead-minmax", "base": "classic/simultaneous"}, SGD),
    "consensus": ({"name": "dynamics/consensus", "weight": 1}, SGD),
    "symplectic adjustment": ("dynamics/symplectic-gradient-adjustment", SGD),
    "competitive": ({"name": "dynamics/competitive-gradient-descent", "lr": RATE}, SGD),
    "optimistic": ("classic/simultaneous", "dynamics/optimistic-gradient-descent"),
    "negative-momentum": ("classic/alternating", "dynamics/negative-momentum"),
}
RING: dict[str, tuple[Any, str]] = {
    "alternating, Adam": ("classic/alternating", "classic/adam"),
    "unrolled, 5 steps, first order": ({"name": "dynamics/unrolled", "second_order": False}, "classic/adam"),
    "extragradient, Extra-Adam": ({"name": "dynamics/extragradient", "moments": True}, "classic/adam"),
    "lookahead-minmax, Adam": ("dynamics/lookahead-minmax", "classic/adam"),
    "alternating, optimistic Adam": ("classic/alternating", "dynamics/optimistic-adam"),
}
SEEDS, RING_STEPS, SAMPLES = (0, 1, 2), 1000, 2500
NEAR = 0.1
"""A sample so near to a centre belongs to its mode; a mode with a hundredth of the samples is covered."""


class Nothing(Dataset, name="nothing"):
    """Pictures that the game does not look at."""

    def info(self) -> DatasetInfo:
        """One pixel."""
        return DatasetInfo((1, 1, 1), 1)

    def build(self, task: Task) -> Batch:
        """A picture of 0, in float64."""
        return Batch(torch.zeros(1, 1, 1, 1, dtype=torch.float64))


class X(Generator, name="x"):
    """Pictures of one learned value."""

    def build(self, task: Task) -> nn.Module:
        """x, whatever z."""
        return Scalar(images=False)


class Y(Discriminator, name="y"):
    """One learned factor of the pictures."""

    def build(self, task: Task) -> nn.Module:
        """y times the picture."""
        return Scalar(images=True)


class Scalar(nn.Module):
    """A learned number, as a picture or times a picture."""

    def __init__(self, *, images: bool) -> None:
        super().__init__()
        self.images = images
        self.value = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, given: Tensor, labels: Tensor | None = None) -> Tensor:
        """(N, 1, 1, 1) from z, or (N,) from pictures."""
        return self.value * given.flatten() if self.images else self.value.expand(len(given), 1, 1, 1)


class Product(Loss, name="product"):
    """min over x, max over y of xy."""

    def discriminator(self, real: Any, fake: Any) -> Tensor:
        """-xy."""
        return -fake.logits.mean()

    def generator(self, real: Any, fake: Any) -> Tensor:
        """xy."""
        return fake.logits.mean()


class Dense(Generator, name="dense"):
    """Two hidden layers, without normalization."""

    def build(self, task: Task) -> nn.Module:
        """z to points."""
        return Points(task.latent)


class Points(nn.Module):
    """z (N, latent) to points (N, 2, 1, 1)."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        hidden = [nn.Linear(latent, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh()]
        self.layers = nn.Sequential(*hidden, nn.Linear(64, 2), nn.Unflatten(1, (2, 1, 1)))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """The points."""
        points: Tensor = self.layers(z)
        return points


def match(schedule: Any, optimizer: str, **spec: Any) -> Any:
    """A match of a schedule and one optimizer for both players."""
    lr = spec.pop("lr")
    optimizers = {player: {"name": optimizer, "lr": lr} for player in PLAYERS}
    return compose(schedule=schedule, optimizers=optimizers, ema=None, **spec).assemble().match


def walk(schedule: Any, optimizer: str) -> Tensor:
    """The way (STEPS + 1, 2) of (x, y) in the bilinear game."""
    train = {"batch_size": 1, "device": "cpu"}
    parts = {"data": Nothing(), "generator": X(), "discriminator": Y(), "loss": Product(), "latent": 1}
    game = match(schedule, optimizer, lr=RATE, train=train, **parts)
    way = []
    for _ in range(STEPS + 1):
        way.append([game.networks[player].value.item() for player in PLAYERS])
        game.step()
    return torch.tensor(way)


def draw() -> None:
    """The picture, and the distances."""
    figure, axes = plt.subplots(3, 4, figsize=(9.5, 7.5), sharex=True, sharey=True)
    print(f"| method | distance after {STEPS} steps, from 1.41 | per step |\n|---|---|---|")
    for axis, (name, (schedule, optimizer)) in zip(axes.flat, METHODS.items(), strict=True):
        way = walk(schedule, optimizer)
        distance = way.norm(dim=1)
        per_step = (distance[-1] / distance[STEPS // 2]) ** (2 / STEPS)
        print(f"| {name} | {distance[-1]:.2g} | {per_step:.3f} |")
        axis.plot(*way.T, linewidth=0.8)
        axis.plot(1, 1, "o", markersize=3)
        axis.plot(0, 0, "+", color="black")
        axis.set(title=name, xlim=(-2.5, 2.5), ylim=(-2.5, 2.5), aspect="equal")
        axis.title.set_fontsize(9)
    mpl.rcParams["svg.hashsalt"] = "ganreg"
    figure.tight_layout()
    figure.savefig(PICTURE, metadata={"Date": None})


def coverage(schedule: Any, optimizer: str, seed: int) -> tuple[int, float]:
    """Modes that are covered after RING_STEPS, and the share of samples that are near one."""
    critic = {"name": "classic/mlp", "widths": [64, 64]}
    train = {"batch_size": 128, "device": "cpu"}
    parts = {"data": "dynamics/eight-gaussians", "generator": Dense(), "discriminator": critic, "latent": 16}
    game = match(schedule, optimizer, lr=1e-3, loss="classic/non-saturating", seed=seed, train=train, **parts)
    for _ in range(RING_STEPS):
        game.step()
    angles = torch.arange(8) * (torch.pi / 4)
    centres = 0.8 * torch.stack([angles.cos(), angles.sin()], dim=1)
    with torch.no_grad():
        points = game.networks["generator"](game.noise(SAMPLES, "samples")).flatten(1)
    distance, mode = torch.cdist(points, centres).min(dim=1)
    counts = torch.bincount(mode[distance < NEAR], minlength=8)
    return int((counts >= SAMPLES / 100).sum()), float(counts.sum() / SAMPLES)


def ring() -> None:
    """The table of modes."""
    print(f"| method | modes of 8, seeds {', '.join(map(str, SEEDS))} | samples near one |\n|---|---|---|")
    for name, (schedule, optimizer) in RING.items():
        found = [coverage(schedule, optimizer, seed) for seed in SEEDS]
        modes, shares = zip(*found, strict=True)
        share = f"{sum(shares) / len(shares):.0%}"
        print(f"| {name} | {', '.join(map(str, modes))} | {share} |", flush=True)


if __name__ == "__main__":
    ring() if "ring" in sys.argv[1:] else draw()
