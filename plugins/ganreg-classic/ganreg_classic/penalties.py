"""Penalties on the discriminator's gradients, and the clipping of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from ganreg import Penalty, SidedPenalty

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg.engine.play import Play


class GradientPenalty(Penalty, name="gradient-penalty"):
    """Two-sided gradient penalty of WGAN-GP (Gulrajani et al., 2017; arXiv:1704.00028, equation 3).

    E[(‖∇D(x̂)‖₂ - target)²], where x̂ = u·x + (1 - u)·G(z), and u ~ U[0, 1) is drawn per picture. A discriminator with
    batch normalization has no gradient per picture: choose another normalization.
    """

    double_backward = True

    weight: NonNegativeFloat = Field(10.0, description="factor of the term (λ)")
    target: NonNegativeFloat = Field(1.0, allow_inf_nan=False, description="norm that the gradient should have")

    def __call__(self, play: Play) -> Tensor:
        """The mean over the batch; a scalar."""
        import torch

        gradients = play.gradients(play.between("gradient-penalty"))
        norms = torch.linalg.vector_norm(gradients.flatten(1), dim=1)
        penalty: Tensor = (norms - self.target).square().mean()
        return penalty


class R1(Penalty, name="r1"):
    """Zero-centred gradient penalty on real pictures (Mescheder et al., 2018; arXiv:1801.04406, equation 9).

    ½E[‖∇D(x)‖²]: the half is part of the term, and `weight` is the paper's γ. The squared norm is summed over channels
    and pixels. With `every: 16` it becomes the lazy regularization of StyleGAN2.
    """

    double_backward = True

    weight: NonNegativeFloat = Field(10.0, description="factor of the term (γ)")

    def __call__(self, play: Play) -> Tensor:
        """The mean over the batch; a scalar."""
        return 0.5 * play.gradients(play.real).flatten(1).square().sum(dim=1).mean()


class WeightClipping(SidedPenalty, name="weight-clipping"):
    """Keeps the critic Lipschitz as WGAN did (Arjovsky et al., 2017; arXiv:1701.07875, algorithm 1).

    No term, but after each update every weight of the player becomes min(max(w, -limit), limit).
    """

    side: str = Field(  # type: ignore[assignment]
        "discriminator", description="the player whose weights are clipped, any of the game"
    )
    weight: NonNegativeFloat = Field(1.0, description="without effect: there is no term to multiply")
    every: PositiveInt = Field(1, description="clipped after each such update of the player")
    limit: PositiveFloat = Field(0.01, allow_inf_nan=False, description="the largest absolute value of a weight")

    def after_update(self, play: Play) -> None:
        """Clamp the weights in place, once their own player has moved."""
        import torch

        if play.player == self.side and (self.every == 1 or play.updates % self.every == 0):
            with torch.no_grad():
                for parameter in play.parameters():
                    parameter.clamp_(-self.limit, self.limit)
