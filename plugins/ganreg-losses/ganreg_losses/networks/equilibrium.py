"""BEGAN's loss, whose k is state."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganreg import DiscriminatorOutput
from ganreg.engine.play import Play


class BoundaryEquilibrium(nn.Module):
    """The loss with its k, and E[L(x)] of the discriminator's last turn."""

    k: Tensor
    real_energy: Tensor

    def __init__(self, gamma: float, rate: float) -> None:
        super().__init__()
        self.gamma = gamma
        self.rate = rate
        self.register_buffer("k", torch.zeros(()))
        self.register_buffer("real_energy", torch.zeros(()))

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """E[L(x)] - k·E[L(G(z))]."""
        loss: Tensor = self.k * fake.logits.mean() - real.logits.mean()
        return loss

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """E[L(G(z))]."""
        loss: Tensor = -fake.logits.mean()
        return loss

    @torch.no_grad()
    def after_update(self, play: Play) -> None:
        """Remember E[L(x)] of the discriminator's turn; move k after the generator's."""
        if play.player == "discriminator":
            self.real_energy.copy_(_energy(play.real_output))
        if play.player == "generator":
            balance = self.gamma * self.real_energy - _energy(play.fake_output)
            self.k.copy_((self.k + self.rate * balance).clamp(0, 1))


def _energy(output: DiscriminatorOutput) -> Tensor:
    """The mean error of reconstruction, summed over scales."""
    return -torch.stack([scale.logits.mean() for scale in output.scales()]).sum()
