"""Terms that keep a critic in bounds, for use with the loss `classic/wasserstein`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat

from ganreg import Penalty

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg.engine.play import Play


class WassersteinDivergence(Penalty, name="wasserstein-divergence"):
    """WGAN-div (Wu et al., 2018; arXiv:1712.01026), beside the loss `wasserstein`.

    E[‖∇D(x̂)‖ᵖ], with `weight` the paper's k, where x̂ = u·x + (1 - u)·G(z), and u ~ U[0, 1) is drawn per picture. No
    critic has to be Lipschitz for it.
    """

    double_backward = True

    weight: NonNegativeFloat = Field(2.0, description="factor of the term (k)")
    power: float = Field(6.0, gt=1, allow_inf_nan=False, description="power of the gradient's norm (p)")

    def __call__(self, play: Play) -> Tensor:
        """The mean over the batch; a scalar."""
        import torch

        gradients = play.gradients(play.between("wasserstein-divergence"))
        penalty: Tensor = torch.linalg.vector_norm(gradients.flatten(1), dim=1).pow(self.power).mean()
        return penalty


class QuadraticPotential(Penalty, name="quadratic-potential"):
    """GAN-QP (Su, 2018; arXiv:1811.07296), beside the loss `wasserstein`.

    E[(D(x) - D(G(z)))² / (2λ·d(x, G(z)))], each real picture with the generated one at its place in the batch; d is the
    mean of |x - G(z)| over the picture, or the root of the mean of its square. The loss adds E[D(G(z))] - E[D(x)] for
    the discriminator, and for the generator what of it is its own: the paper's two objectives.
    """

    scale: PositiveFloat = Field(10.0, allow_inf_nan=False, description="how far D may rise over a distance (λ)")
    distance: Literal["l1", "l2"] = Field("l1", description="of two pictures (d)")

    def __call__(self, play: Play) -> Tensor:
        """The mean over pairs and patches, summed over scales; a scalar."""
        import torch

        difference = (play.real - play.fake).flatten(1)
        apart = difference.abs().mean(1) if self.distance == "l1" else difference.square().mean(1).sqrt()
        apart = apart.clamp_min(torch.finfo(apart.dtype).eps)  # two pictures may be the same
        terms = []
        for real, fake in zip(play.real_output.scales(), play.fake_output.scales(), strict=True):
            rise = (real.logits - fake.logits).reshape(len(apart), -1)
            terms.append((rise.square() / (2 * self.scale * apart[:, None])).mean())
        return torch.stack(terms).sum()
