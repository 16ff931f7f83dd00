"""Losses, written on logits: with D(x) = sigmoid(l), -log D(x) = softplus(-l) and -log(1 - D(x)) = softplus(l).

In this form no logit, however large, overflows. Means are over every element, so patches count like pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, FiniteFloat, PositiveFloat

from ganreg import Loss

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg import DiscriminatorOutput


class Minimax(Loss, name="minimax"):
    """The original game (Goodfellow et al., 2014; arXiv:1406.2661, equation 1); the generator's side saturates.

    Discriminator: -E[log D(x)] - E[log(1 - D(G(z)))]. Generator: E[log(1 - D(G(z)))].
    """

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """Binary cross-entropy of both sides, added."""
        return _cross_entropy(real, fake)

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """The discriminator's gain from the generated pictures; at most 0."""
        return -_softplus(fake.logits).mean()


class NonSaturating(Loss, name="non-saturating"):
    """Sigmoid cross-entropy for both players (Goodfellow et al., 2014; arXiv:1406.2661, section 3).

    Discriminator: -E[log D(x)] - E[log(1 - D(G(z)))]. Generator: -E[log D(G(z))].
    """

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """Binary cross-entropy of both sides, added."""
        return _cross_entropy(real, fake)

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """Binary cross-entropy of generated pictures that are called real."""
        return _softplus(-fake.logits).mean()


class LeastSquares(Loss, name="least-squares"):
    """Least-squares GAN (Mao et al., 2016; arXiv:1611.04076, equations 2 and 9); D(x) is the logit itself.

    Discriminator: ½E[(D(x) - b)²] + ½E[(D(G(z)) - a)²]. Generator: ½E[(D(G(z)) - c)²].
    With b - c = 1 and b - a = 2 (a: -1, b: 1, c: 0) it minimizes the Pearson χ² divergence (equation 8).
    """

    a: FiniteFloat = Field(0.0, description="what the discriminator aims at on generated pictures")
    b: FiniteFloat = Field(1.0, description="what the discriminator aims at on real pictures")
    c: FiniteFloat = Field(1.0, description="what the generator aims at")

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """Half the squared distances from b and a."""
        loss: Tensor = 0.5 * (real.logits - self.b).square().mean() + 0.5 * (fake.logits - self.a).square().mean()
        return loss

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """Half the squared distance from c."""
        loss: Tensor = 0.5 * (fake.logits - self.c).square().mean()
        return loss


class Wasserstein(Loss, name="wasserstein"):
    """Earth mover's distance (Arjovsky et al., 2017; arXiv:1701.07875), by a critic D that must be kept Lipschitz.

    Discriminator: E[D(G(z))] - E[D(x)]. Generator: -E[D(G(z))]. Needs a constraint beside it: `weight-clipping`,
    `gradient-penalty`, or a discriminator with spectral normalization.
    """

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """Minus the critic's estimate of the distance."""
        loss: Tensor = fake.logits.mean() - real.logits.mean()
        return loss

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """Minus the critic's value of the generated pictures."""
        loss: Tensor = -fake.logits.mean()
        return loss


class Hinge(Loss, name="hinge"):
    """Hinge loss (Lim & Ye, 2017; arXiv:1705.02894).

    Discriminator: E[max(0, margin - D(x))] + E[max(0, margin + D(G(z)))]. Generator: -E[D(G(z))].
    """

    margin: PositiveFloat = Field(1.0, allow_inf_nan=False, description="logit beyond which a picture costs nothing")

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """How far both sides are from their margins."""
        loss: Tensor = (self.margin - real.logits).relu().mean() + (self.margin + fake.logits).relu().mean()
        return loss

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """Minus the logits of the generated pictures."""
        loss: Tensor = -fake.logits.mean()
        return loss


def _cross_entropy(real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
    return _softplus(-real.logits).mean() + _softplus(fake.logits).mean()


def _softplus(logits: Tensor) -> Tensor:
    # Not logsigmoid: on a CPU torch wakes all threads for it, however few the logits, and waits where a core is busy.
    from torch.nn.functional import softplus

    return softplus(logits)
