"""Penalties on the gradient of the discriminator with respect to pictures.

‖∇D(x)‖² is summed over channels and pixels, and D over patches and scales. A discriminator with batch normalization has
no gradient per picture: choose another normalization.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, NonNegativeFloat, PositiveFloat

from ganreg import Penalty

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg.engine.play import Play


class GradientPenalty(Penalty):
    """Base of penalties that differentiate a gradient."""

    double_backward = True


class OneSidedGradientPenalty(GradientPenalty, name="one-sided-gradient-penalty"):
    """One-sided gradient penalty (Petzka et al., 2017; arXiv:1709.08894; named in arXiv:1704.00028).

    E[max(0, ‖∇D(x̂)‖₂ - target)²], where x̂ = u·x + (1 - u)·G(z), and u ~ U[0, 1) is drawn per picture: flatter than
    the target is no fault.
    """

    weight: NonNegativeFloat = Field(10.0, description="factor of the term (λ)")
    target: NonNegativeFloat = Field(1.0, allow_inf_nan=False, description="norm that the gradient should not exceed")

    def __call__(self, play: Play) -> Tensor:
        """The mean over the batch; a scalar."""
        from ganreg_penalties.gradients import norms

        return (norms(play, play.between("between")) - self.target).relu().square().mean()


class MaxGradientPenalty(GradientPenalty, name="max-gradient-penalty"):
    """Penalty of Lipschitz GANs on the steepest gradient (Zhou et al., 2019; arXiv:1902.05687).

    max ‖∇D(x̂)‖₂² over the batch, x̂ = u·x + (1 - u)·G(z), u ~ U[0, 1): the square of D's Lipschitz constant, as far
    as the batch tells it.
    """

    weight: NonNegativeFloat = Field(1.0, description="factor of the term (λ)")

    def __call__(self, play: Play) -> Tensor:
        """The maximum over the batch; a scalar."""
        return play.gather(play.gradients(play.between("between")).flatten(1).square().sum(dim=1)).amax()


class DRAGAN(GradientPenalty, name="dragan"):
    """DRAGAN's gradient penalty around real pictures (Kodali et al., 2017; arXiv:1705.07215).

    E[(‖∇D(x + δ)‖₂ - target)²], δ ~ N(0, c²σ²) for each value, where σ is the standard deviation of the batch.
    """

    weight: NonNegativeFloat = Field(10.0, description="factor of the term (λ)")
    target: NonNegativeFloat = Field(1.0, allow_inf_nan=False, description="norm that the gradient should have (k)")
    scale: PositiveFloat = Field(0.5, allow_inf_nan=False, description="size of the noise, in those of the data (c)")

    def __call__(self, play: Play) -> Tensor:
        """The mean over the batch; a scalar."""
        from ganreg_penalties.gradients import norms

        noise = self.scale * play.gather(play.real).std() * play.random("dragan").normal(*play.real.shape)
        return (norms(play, play.real + noise) - self.target).square().mean()


class ZeroCentredGradientPenalty(GradientPenalty, name="zero-centred-gradient-penalty"):
    """Zero-centred gradient penalty between both sides (Thanh-Tung et al., 2019; arXiv:1902.03984).

    E[‖∇D(x̃)‖²], x̃ = u·x + (1 - u)·G(z), u ~ U[0, 1): against gradients that explode, and for generalization.
    """

    weight: NonNegativeFloat = Field(100.0, description="factor of the term (λ)")

    def __call__(self, play: Play) -> Tensor:
        """The mean over the batch; a scalar."""
        from ganreg_penalties.gradients import mean_square

        return mean_square(play, play.between("between"))


class JensenShannon(GradientPenalty, name="jensen-shannon"):
    """Regularizer of the Jensen-Shannon GAN under noise (Roth et al., 2017; arXiv:1705.09367).

    ½E[(1 - φ(x))²‖∇D(x)‖²] + ½E[φ(G(z))²‖∇D(G(z))‖²] with φ = sigmoid(D): gradients count where D errs. The half is
    part of the term, and `weight` is the paper's γ. Of several logits per picture φ is taken of their mean.
    """

    weight: NonNegativeFloat = Field(2.0, description="factor of the term (γ)")

    def __call__(self, play: Play) -> Tensor:
        """The sum of both means; a scalar."""
        from ganreg_penalties.gradients import judged

        (real, at_real), (fake, at_fake) = judged(play, play.real), judged(play, play.fake)
        doubt = (1 - real.sigmoid()).square() * at_real.square().sum(dim=1)
        trust = fake.sigmoid().square() * at_fake.square().sum(dim=1)
        return 0.5 * (doubt.mean() + trust.mean())


class R2(GradientPenalty, name="r2"):
    """Zero-centred gradient penalty on generated pictures (Mescheder et al., 2018; arXiv:1801.04406, equation 10).

    ½E[‖∇D(G(z))‖²]: the half is part of the term, and `weight` is the paper's γ, as in R1.
    """

    weight: NonNegativeFloat = Field(10.0, description="factor of the term (γ)")

    def __call__(self, play: Play) -> Tensor:
        """The mean over the batch; a scalar."""
        from ganreg_penalties.gradients import mean_square

        return 0.5 * mean_square(play, play.fake)


class R1R2(R2, name="r1-r2"):
    """R1 and R2 together (Mescheder et al., 2018; arXiv:1801.04406), as R3GAN has them (arXiv:2501.05441).

    ½E[‖∇D(x)‖²] + ½E[‖∇D(G(z))‖²], `weight` being γ.
    """

    def __call__(self, play: Play) -> Tensor:
        """The sum of both means; a scalar."""
        from ganreg_penalties.gradients import mean_square

        return 0.5 * mean_square(play, play.real) + super().__call__(play)
