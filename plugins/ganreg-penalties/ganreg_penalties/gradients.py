"""The discriminator's gradients with respect to pictures; torch lives here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg.engine.play import Play


def judged(play: Play, images: Tensor) -> tuple[Tensor, Tensor]:
    """Each picture's mean logit (N,), and its gradient (N, C·H·W) of all its logits, summed; differentiable."""
    images = images.detach().requires_grad_()
    output = play.discriminate(images)
    logits = torch.cat([scale.logits.reshape(len(images), -1) for scale in output.scales()], dim=1)
    return logits.mean(dim=1), play.gradients_of(output, images).flatten(1)


def mean_square(play: Play, images: Tensor) -> Tensor:
    """E[‖∇D‖²] at some pictures; a scalar."""
    return play.gradients(images).flatten(1).square().sum(dim=1).mean()


def norms(play: Play, images: Tensor) -> Tensor:
    """‖∇D‖₂ at each picture, (N,); where it is 0, so is its derivative."""
    lengths: Tensor = torch.linalg.vector_norm(play.gradients(images).flatten(1), dim=1)
    return lengths
