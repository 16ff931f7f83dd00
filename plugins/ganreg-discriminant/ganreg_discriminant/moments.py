"""Distances between the moments of both sides, r = D(x) and f = D(G(z)) being logits, φ the embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from ganreg import Loss

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ganreg import DiscriminatorOutput
    from ganreg.task import Task

SIGMAS = (1, 2, 4, 8, 16)
"""Of Li et al.'s mixture of Gaussians."""

ALPHAS = (0.2, 0.5, 1, 2, 5)
"""Of Bińkowski et al.'s mixture of rational quadratic kernels."""


class Fisher(Loss, name="fisher"):
    """Fisher GAN (Mroueh & Sercu, 2017; arXiv:1705.09675): Fisher's criterion of the critic's values.

    max E[r] - E[f] where Ω = ½(E[r²] + E[f²]) = 1: the distance of the means in units of the second moment, which keeps
    the critic bounded without clipping or penalties. By the augmented Lagrangian, discriminator
    -(E[r] - E[f]) - λ(1 - Ω) + ½ρ(Ω - 1)², and λ ← λ - ρ(1 - Ω) after each of its updates, from 0; λ is saved with the
    run. Generator: -E[f].
    """

    rho: PositiveFloat = Field(1e-6, allow_inf_nan=False, description="weight of the quadratic term, pace of λ (ρ)")

    def build(self, task: Task) -> nn.Module:
        """The loss with its multiplier."""
        from ganreg_discriminant.networks.fisher import Fisher

        return Fisher(self.rho)


class Distance(Loss):
    """Base of distances between embeddings, which the discriminator makes large and the generator small."""

    generator_uses_real = True
    requires: ClassVar[frozenset[str]] = frozenset({"embedding"})

    def distance(self, real: Tensor, fake: Tensor) -> Tensor:
        """Of embeddings (N, D) of both sides; a scalar."""
        raise NotImplementedError

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """Minus the distance."""
        return -self.distance(real.embedding, fake.embedding)

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """The distance."""
        assert real is not None
        return self.distance(real.embedding, fake.embedding)


class MeanMatching(Distance, name="mcgan-mean"):
    """McGan's mean feature matching (Mroueh et al., 2017; arXiv:1702.08398): ‖E[φ(x)] - E[φ(G(z))]‖.

    Discriminator: minus that. Generator: that. The norm is the dual of the one that bounds the critic's direction v in
    max <v, E[φ(x)] - E[φ(G(z))]>. φ has to be bounded, by `weight-clipping` as in the paper or by spectral
    normalization.
    """

    norm: Literal["l1", "l2", "max"] = Field("l2", description="of the difference of the means")

    def distance(self, real: Tensor, fake: Tensor) -> Tensor:
        """The norm of the difference of the means."""
        from torch.linalg import vector_norm

        order = {"l1": 1.0, "l2": 2.0, "max": float("inf")}[self.norm]
        norm: Tensor = vector_norm(real.mean(dim=0) - fake.mean(dim=0), order)
        return norm


class CovarianceMatching(Distance, name="mcgan-covariance"):
    """McGan's covariance feature matching (Mroueh et al., 2017; arXiv:1702.08398): ‖Σ_r - Σ_f‖ of the Ky Fan k-norm.

    Σ = E[φφᵀ], not centred; the norm is the sum of the k largest singular values, max E<Uᵀφ(x), Vᵀφ(x)> -
    E<Uᵀφ(G(z)), Vᵀφ(G(z))> over orthonormal U, V (D, k). Discriminator: minus that. Generator: that. U and V are the
    best ones for the batch, of which the gradient therefore needs no derivative. φ has to be bounded, as for
    `mcgan-mean`.
    """

    components: PositiveInt = Field(16, description="how many singular values count (k); all where there are fewer")

    def distance(self, real: Tensor, fake: Tensor) -> Tensor:
        """The difference of both sides along the best directions."""
        from ganreg_discriminant.networks.spectrum import directions

        u, signs = directions(real, fake, self.components)
        along = ((points @ u).to(points.dtype) for points in (real, fake))  # autocast rounds products
        r, f = (values.square().mean(dim=0) for values in along)
        return (signs * (r - f)).sum()


class MaximumMeanDiscrepancy(Distance, name="mmd"):
    """MMD GAN (Li et al., 2017; arXiv:1705.08584; Bińkowski et al., 2018; arXiv:1801.01401).

    MMD² = E[k(φ(x), φ(x'))] - 2E[k(φ(x), φ(G(z)))] + E[k(φ(G(z)), φ(G(z')))] of a kernel k of embeddings.
    Discriminator: minus that. Generator: that. `rbf`: k = Σ_σ exp(-d²/2σ²), σ = 1, 2, 4, 8, 16 (Li). `rq`: k = Σ_α
    (1 + d²/2α)^-α, α = 0.2, 0.5, 1, 2, 5 (Bińkowski). d is the distance of two embeddings. The unbiased estimate
    leaves out each picture's pair with itself. φ has to be kept smooth, by `weight-clipping` (Li) or by spectral
    normalization; Li's autoencoder of φ is left out. Take a small embedding, such as that of `linear-embedding`: the
    papers' have 16 numbers.
    """

    kernel: Literal["rbf", "rq"] = Field("rbf", description="mixture of Gaussians, or of rational quadratic kernels")
    scales: tuple[PositiveFloat, ...] | None = Field(
        None, min_length=1, description="the kernels' σ or α; null for the paper's"
    )
    estimator: Literal["unbiased", "biased"] = Field("unbiased", description="of MMD²")

    def distance(self, real: Tensor, fake: Tensor) -> Tensor:
        """MMD² of the embeddings."""
        return self._within(real) + self._within(fake) - 2 * self._similarity(real, fake).mean()

    def _within(self, points: Tensor) -> Tensor:
        similarity, count = self._similarity(points, points), len(points)
        if self.estimator == "biased":
            return similarity.mean()
        return (similarity.sum() - similarity.diagonal().sum()) / max(count * (count - 1), 1)

    def _similarity(self, points: Tensor, others: Tensor) -> Tensor:
        """k of each pair, (N, M)."""
        import torch

        squares = squared_distances(points, others)
        if self.kernel == "rbf":
            kernels = [(-squares / (2 * s**2)).exp() for s in self.scales or SIGMAS]
        else:
            kernels = [(1 + squares / (2 * a)) ** -a for a in self.scales or ALPHAS]
        return torch.stack(kernels).sum(dim=0)


class Cramer(Loss, name="cramer"):
    """Cramér GAN (Bellemare et al., 2017; arXiv:1705.10743): the energy distance of embeddings.

    Generator: 2E‖φ(x) - φ(G(z))‖ - E‖φ(G(z)) - φ(G(z'))‖, z and z' being different noise of the batch; the distance
    among real pictures is no matter of its. Discriminator: E[c(G(z))] - E[c(x)], where the critic's value is
    c(y) = E‖φ(y) - φ(G(z'))‖ - ‖φ(y)‖, which needs generated pictures alone. c has to be kept Lipschitz, as for
    `wasserstein`; the gradient penalty reads the logits, which play no part here: take spectral normalization.
    """

    generator_uses_real = True
    requires: ClassVar[frozenset[str]] = frozenset({"embedding"})

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """Minus the difference of the critic's values."""
        r, f = real.embedding, fake.embedding
        of_real, of_fake = distances(r, f).mean() - r.norm(dim=1).mean(), self._among(f) - f.norm(dim=1).mean()
        loss: Tensor = of_fake - of_real
        return loss

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """The part of the energy distance that depends on generated pictures."""
        assert real is not None
        return 2 * distances(real.embedding, fake.embedding).mean() - self._among(fake.embedding)

    def _among(self, points: Tensor) -> Tensor:
        """The mean distance of different pictures."""
        return distances(points, points).sum() / max(len(points) * (len(points) - 1), 1)


def distances(points: Tensor, others: Tensor) -> Tensor:
    """Of each pair of embeddings (N, D) and (M, D), (N, M); where both are equal the gradient is 0."""
    import torch

    squares = squared_distances(points, others)
    return torch.where(squares > 0, squares, 1).sqrt() * (squares > 0)


def squared_distances(points: Tensor, others: Tensor) -> Tensor:
    """Their squares; by differences, as products would lose the small ones.

    Not by torch.cdist, which cannot be differentiated twice, as schedules that play with gradients do.
    """
    return (points[:, None] - others[None]).square().sum(dim=2)
