"""Discriminant analysis of a batch: Gaussians of the embeddings in closed form, and the boundary between them.

φ is the embedding, μ and S the means and covariances of φ(x) and φ(G(z)) over the batch.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from ganreg import Loss

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg import DiscriminatorOutput
    from ganreg_discriminant.networks.scatter import Gaussian, Groups

REAL, GENERATED = 1, 0
"""Labels of the sides."""


class DiscriminantAnalysis(Loss):
    """Base of losses that fit Gaussians to both sides of a batch. It is computed in float64."""

    generator_uses_real = True
    requires: ClassVar[frozenset[str]] = frozenset({"embedding"})

    shrinkage: Literal["ledoit-wolf"] | Annotated[float, Field(ge=0, le=1)] = Field(
        "ledoit-wolf", description="share of the identity in a covariance (γ), or how it is estimated"
    )
    epsilon: float = Field(1e-3, gt=0, allow_inf_nan=False, description="added to a covariance's diagonal (ε)")

    def groups(self, embedding: Tensor, labels: Tensor) -> Groups:
        """Embeddings (N, D) in groups by labels (N,)."""
        from ganreg_discriminant.networks.scatter import Groups

        shrinkage = None if self.shrinkage == "ledoit-wolf" else float(self.shrinkage)
        return Groups(embedding, labels, shrinkage, self.epsilon)

    def sides(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Groups:
        """Real and generated pictures as two groups."""
        import torch

        labels = [torch.full((len(o.embedding),), side) for o, side in ((real, REAL), (fake, GENERATED))]
        return self.groups(torch.cat([real.embedding, fake.embedding]), torch.cat(labels).to(real.embedding.device))


class LinearDiscriminant(DiscriminantAnalysis, name="linear-discriminant"):
    """Linear discriminant GAN (Sun et al., 2017; arXiv:1707.07831), with Deep LDA's criterion of classes.

    The groups have one covariance S = (1 - γ)S_w + (γ·tr(S_w)/D + ε)I, by default with Ledoit and Wolf's γ (2004); the
    boundary's normal is w = S⁻¹(μ_r - μ_f). Discriminator: -Σ log(1 + v), v being the eigenvalues of S⁻¹S_b (Deep LDA
    maximizes v itself; Dorfer et al., 2015; arXiv:1511.04707): of two sides one, v = ¼(μ_r - μ_f)·w. The sum is minus
    the logarithm of Wilks' Λ = det S / det(S + S_b), the likelihood ratio of separate means to a common one; as it
    grows like log v, no batch that is easily told apart outweighs the others. Generator: -E[log P(real | φ(G(z)))], P
    being the analysis' posterior σ(w·φ + b), so features go along w across the boundary. w and S pass no gradient
    there. In a conditional run the real pictures' classes are groups as well, whose separability the discriminator
    adds, and the generator -E[log P(y | φ(G(z)))]. The logits play no part.
    """

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """Minus the separability of the sides, and of the classes."""
        loss = -self.sides(real, fake).separability()
        if real.labels is not None:
            loss = loss - self.groups(real.embedding, real.labels).separability()
        return loss.to(fake.embedding.dtype)

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """How unlikely generated pictures are to be real, and of their class."""
        import torch

        assert real is not None
        real = detached(real)
        among = self.sides(real, detached(fake))
        loss = -among.log_posterior(fake.embedding, torch.full_like(among.labels[: len(fake.embedding)], REAL)).mean()
        if real.labels is not None and fake.labels is not None:
            loss = loss - self.groups(real.embedding, real.labels).log_posterior(fake.embedding, fake.labels).mean()
        return loss.to(fake.embedding.dtype)


class QuadraticDiscriminant(DiscriminantAnalysis, name="quadratic-discriminant"):
    """Quadratic discriminant analysis of a batch: linear discriminant GAN with a covariance for each side.

    The boundary is where two Gaussians are equally likely, q(φ) = log N(φ; μ_r, S_r) - log N(φ; μ_f, S_f) = 0 (Fisher,
    1936; Hastie et al., The Elements of Statistical Learning, section 4.3), both S shrunk by the same γ and ε as in
    `linear-discriminant`. Discriminator: -(log det S_t - ½log det S_r - ½log det S_f), S_t = S + S_b being the
    covariance of all pictures: minus the likelihood ratio of two Gaussians to one. It is the sum of
    `linear-discriminant`'s log(1 + v) and of log det S - ½log det S_r - ½log det S_f >= 0, for sides that differ in
    spread, of which γ takes its share away. Generator: E[log(1 + e^(-q(φ(G(z)))))], the Gaussians passing no gradient.
    Labels and logits play no part.
    """

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """Minus the likelihood ratio of two Gaussians to one."""
        groups = self.sides(real, fake)
        count, r, f = len(groups.rows), *self.gaussians(groups, len(real.embedding))
        each = len(real.embedding) * r.covariance.log_det() + len(fake.embedding) * f.covariance.log_det()
        ratio = groups.separability() + groups.within.log_det() - each / count
        return -ratio.to(fake.embedding.dtype)

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """How unlikely generated pictures are to be real."""
        from torch.nn.functional import softplus

        assert real is not None
        r, f = self.gaussians(self.sides(detached(real), detached(fake)), len(real.embedding))
        ratio = r.log_density(fake.embedding) - f.log_density(fake.embedding)
        return softplus(-ratio).mean().to(fake.embedding.dtype)

    def gaussians(self, groups: Groups, real: int) -> tuple[Gaussian, Gaussian]:
        """Those of the real side, which has the first `real` pictures, and of the generated side."""
        from ganreg_discriminant.networks.scatter import Gaussian

        generated = len(groups.rows) - real
        return (
            Gaussian(groups.means[0], groups.covariance(REAL, real)),
            Gaussian(groups.means[-1], groups.covariance(GENERATED, generated)),
        )


def detached(output: DiscriminatorOutput) -> DiscriminatorOutput:
    """The output, whose embedding passes no gradient."""
    return replace(output, embedding=output.embedding.detach())
