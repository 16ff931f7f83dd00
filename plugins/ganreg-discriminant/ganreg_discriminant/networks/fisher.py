"""Fisher GAN's loss, whose multiplier is state."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganreg import DiscriminatorOutput
from ganreg.engine.play import Play


class Fisher(nn.Module):
    """The augmented Lagrangian with its multiplier λ."""

    multiplier: Tensor

    def __init__(self, rho: float) -> None:
        super().__init__()
        self.rho = rho
        self.register_buffer("multiplier", torch.zeros(()))

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """-(E[r] - E[f]) - λ(1 - Ω) + ½ρ(Ω - 1)²."""
        slack = 1 - _second_moment(real, fake)
        distance: Tensor = real.logits.mean() - fake.logits.mean()
        return -distance - self.multiplier * slack + self.rho / 2 * slack.square()

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """-E[f]."""
        loss: Tensor = -fake.logits.mean()
        return loss

    @torch.no_grad()
    def after_update(self, play: Play) -> None:
        """λ ← λ - ρ(1 - Ω) once the discriminator has moved, with the Ω that it moved by, summed over scales."""
        if play.player == "discriminator":
            for real, fake in zip(play.real_output.scales(), play.fake_output.scales(), strict=True):
                self.multiplier -= self.rho * (1 - _second_moment(real, fake))


def _second_moment(real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
    """Ω = ½(E[r²] + E[f²])."""
    moment: Tensor = (real.logits.square().mean() + fake.logits.square().mean()) / 2
    return moment
