"""The toy that all trainers train: networks, data and losses, and the faults that can befall a step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.utils.data import TensorDataset

SEED = 0
STEPS = 200
EVERY = 10
"""Steps between two checkpoints."""
POINTS = 512
BATCH = 32
LATENT = 8
WIDTH = 64
ADAM = {"lr": 1e-3, "betas": (0.5, 0.999)}
KEEP = 2
"""Checkpoints kept, where the trainer lets one choose."""


@dataclass
class Faults:
    """What befalls this process: a pause per step, as a larger GAN would need; a NaN in the loss of one step.

    told: called in every step with its number, counted from the start of the process.
    """

    pause: float = 0.002
    poison_at: int | None = None
    told: Callable[[int], None] = lambda step: None
    steps: int = 0

    def strike(self, loss: Tensor) -> Tensor:
        """The generator's loss as the faults leave it; called once per step."""
        self.steps += 1
        self.told(self.steps)
        time.sleep(self.pause)
        return loss * float("nan") if self.steps == self.poison_at else loss


faults = Faults()


class Generator(nn.Sequential):
    """z (N, LATENT) to points (N, 1, 1, 2) in [-1, 1]: pictures of two pixels."""

    def __init__(self) -> None:
        super().__init__(
            nn.Linear(LATENT, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 2), nn.Tanh()
        )

    def forward(self, z: Tensor, labels: None = None) -> Tensor:
        return super().forward(z).unflatten(1, (1, 1, 2))


class Discriminator(nn.Sequential):
    """Points to logits (N, 1)."""

    def __init__(self) -> None:
        super().__init__(
            nn.Flatten(), nn.Linear(2, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 1)
        )

    def forward(self, points: Tensor, labels: None = None) -> Tensor:
        return super().forward(points)


def points() -> Tensor:
    """A mixture of eight Gaussians on a circle, as bytes (POINTS, 1, 1, 2); always the same."""
    luck = torch.Generator().manual_seed(SEED)
    angles = torch.arange(POINTS) % 8 * torch.pi / 4
    around = 0.05 * torch.randn(POINTS, 2, generator=luck)
    plane = 0.7 * torch.stack([angles.cos(), angles.sin()], dim=1) + around
    return ((plane.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).reshape(POINTS, 1, 1, 2)


def dataset() -> TensorDataset:
    """The points as numbers in [-1, 1]."""
    return TensorDataset(points() / 127.5 - 1)


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Sigmoid cross-entropy of both sides."""
    return softplus(-real).mean() + softplus(fake).mean()


def generator_loss(fake: Tensor) -> Tensor:
    """Sigmoid cross-entropy of points that are called real; the faults strike here."""
    return faults.strike(softplus(-fake).mean())


def flatten(state: object, path: str = "") -> dict[str, Tensor]:
    """Every tensor of a nested state by its path."""
    if isinstance(state, Tensor):
        return {path: state}
    if isinstance(state, dict):
        pairs = state.items()
    elif isinstance(state, list | tuple):
        pairs = enumerate(state)
    else:
        return {}
    return {name: tensor for key, value in pairs for name, tensor in flatten(value, f"{path}/{key}").items()}
