"""A probability that follows the discriminator's overfitting, and ADA, which is its first use."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ganreg_augment.transforms.pipeline import augmented

if TYPE_CHECKING:
    from ganreg.engine.play import Play
    from ganreg.engine.streams import Stream


class Feedback(nn.Module):
    """p, and what has been gathered of r = E[sign(D(real))] since it last moved; buffers, which the engine saves.

    Over `interval` updates of the discriminator r is gathered; then p takes a step up where r > target, else down, of
    such a size that 0 to 1 takes `length` pictures. Without a target p stays.
    """

    p: Tensor
    signs: Tensor
    seen: Tensor
    updates: Tensor

    def __init__(self, target: float | None, interval: int, length: float, initial: float) -> None:
        super().__init__()
        self.target = target
        self.interval = interval
        self.length = length
        self.register_buffer("p", torch.tensor(float(initial)))
        self.register_buffer("signs", torch.zeros(()))
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def after_update(self, play: Play) -> None:
        """Gather; every logit of all patches and scales counts."""
        if play.player != "discriminator" or self.target is None:
            return
        for output in play.real_output.scales():
            self.signs += output.logits.sign().sum()
            self.seen += output.logits.numel()
        self.updates += 1
        due = self.updates % self.interval == 0
        step = (self.signs / self.seen - self.target).sign() * (self.interval * play.batch_size / self.length)
        self.p.copy_(torch.where(due, self.p + step, self.p).clamp(0, 1))
        self.signs *= ~due
        self.seen *= ~due


class ADA(Feedback):
    """Pictures (N, C, H, W) through the pipeline, each transformation with probability p."""

    def __init__(self, groups: Collection[str], target: float, interval: int, length: float, initial: float) -> None:
        super().__init__(target, interval, length, initial)
        self.groups = groups

    def forward(self, images: Tensor, random: Stream) -> Tensor:
        """(N, C, H, W) to the same."""
        return augmented(images, random, self.p, self.groups)
