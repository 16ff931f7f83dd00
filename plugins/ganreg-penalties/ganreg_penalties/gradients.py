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
    logits = torch.cat([scale.logits.reshape(len(images), -1) for scale in play.discriminate(images).scales()], dim=1)
    (gradients,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return logits.mean(dim=1), gradients.flatten(1)


def picture_gradients(play: Play, images: Tensor) -> Tensor:
    """Each picture's gradient (N, C·H·W) of its logits, summed over patches and scales; differentiable."""
    return judged(play, images)[1]


def mean_square(play: Play, images: Tensor) -> Tensor:
    """E[‖∇D‖²] at some pictures; a scalar."""
    return picture_gradients(play, images).square().sum(dim=1).mean()


def norms(play: Play, images: Tensor) -> Tensor:
    """‖∇D‖₂ at each picture, (N,); where it is 0, so is its derivative."""
    lengths: Tensor = torch.linalg.vector_norm(picture_gradients(play, images), dim=1)
    return lengths


def between(play: Play) -> Tensor:
    """u·x + (1 - u)·G(z), u ~ U[0, 1) per picture: (N, C, H, W) on the lines between both sides."""
    share = play.random("between").uniform(len(play.real), 1, 1, 1)
    return play.fake + share * (play.real - play.fake)
