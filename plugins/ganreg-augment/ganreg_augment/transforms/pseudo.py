"""The game of APA: some of the pictures that are presented as real are generated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from ganreg_augment.transforms.feedback import Feedback

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg import DiscriminatorOutput
    from ganreg.engine.play import Play


class PseudoAugmented(Feedback):
    """A game whose real side is deceptive with probability p; everything else is the base's."""

    def __init__(self, base: Any, target: float | None, interval: int, length: float, initial: float) -> None:
        super().__init__(target, interval, length, initial)
        self.base = base

    def terms(self, play: Play) -> Mapping[str, Tensor]:
        """What the player minimizes."""
        terms: Mapping[str, Tensor] = self.base.terms(play)
        return terms

    def real(self, play: Play) -> Tensor:
        """The base's pictures, of which each is its generated neighbour with probability p.

        The neighbour has the same label, so the labels stay right.
        """
        real: Tensor = self.base.real(play)
        pseudo = play.random("pseudo").uniform(len(real), 1, 1, 1) < self.p
        return torch.where(pseudo, play.fake.detach(), real)

    def real_output(self, play: Play) -> DiscriminatorOutput:
        """What the discriminator says of them."""
        output: DiscriminatorOutput = self.base.real_output(play)
        return output

    def fake_output(self, play: Play) -> DiscriminatorOutput:
        """What it says of generated ones."""
        output: DiscriminatorOutput = self.base.fake_output(play)
        return output

    def after_update(self, play: Play) -> None:
        """Both listen."""
        super().after_update(play)
        if hasattr(self.base, "after_update"):
            self.base.after_update(play)
