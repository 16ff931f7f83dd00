"""Boundaries in feature space: a hyperplane, a sphere, a direction. φ is the embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, PositiveFloat, PositiveInt

from ganreg import Loss

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg import DiscriminatorOutput


class Hyperplane(Loss, name="hyperplane"):
    """Geometric GAN (Lim & Ye, 2017; arXiv:1705.02894): the hyperplane of largest margin between both sides.

    The support vector machine of the batch's embeddings, min ½‖w‖² + C·(hinge of both sides), is solved at each turn;
    then features move along its normal, which passes no gradient. Discriminator: E[max(0, 1 - s(φ(x)))] +
    E[max(0, 1 + s(φ(G(z))))], s(φ) = w·φ + b: only what lies inside the margin, or beyond, is moved away from the
    boundary. Generator: -E[s(φ(G(z)))], all generated pictures to the real side. The paper's loop learns w along with
    φ, by gradient descent on the last layer, which is `hinge`; this is its separating hyperplane itself, for the
    features as they are, and the logits play no part. Distances are in units of the embeddings' root mean square
    distance from their mean, so that C means the same for every network.
    """

    generator_uses_real = True
    requires: ClassVar[frozenset[str]] = frozenset({"embedding"})

    cost: PositiveFloat = Field(1.0, allow_inf_nan=False, description="of a picture inside the margin (C)")
    iterations: PositiveInt = Field(100, le=100_000, description="steps of the solver")

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """How far both sides are inside the margin."""
        w, b = self._hyperplane(real, fake)
        r, f = ((output.embedding * w).sum(dim=1) + b for output in (real, fake))
        loss: Tensor = (1 - r).relu().mean() + (1 + f).relu().mean()
        return loss

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """How far generated pictures are on their own side."""
        assert real is not None
        w, b = self._hyperplane(real, fake)
        loss: Tensor = -((fake.embedding * w).sum(dim=1) + b).mean()
        return loss

    def _hyperplane(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> tuple[Tensor, Tensor]:
        """Its normal (D,) and offset; nothing passes a gradient."""
        import torch

        from ganreg_discriminant.networks.margin import hyperplane

        points = torch.cat([real.embedding, fake.embedding]).detach().double()
        sides = torch.ones_like(points[:, 0])
        sides[len(real.embedding) :] = -1
        centred = points - points.mean(dim=0)
        unit = centred.square().sum(dim=1).mean().sqrt().clamp_min(torch.finfo(real.embedding.dtype).eps)
        w, b = hyperplane(centred / unit, sides, self.cost, self.iterations)
        w = w / unit
        return w.to(real.embedding.dtype), (b - w @ points.mean(dim=0)).to(real.embedding.dtype)


class Sphere(Loss, name="sphere"):
    """Sphere GAN (Park & Kwon, 2019): moments of the distance from a sphere's north pole.

    The embedding becomes a point of the hypersphere by the inverse of stereographic projection,
    (2φ, ‖φ‖² - 1) / (‖φ‖² + 1), whose geodesic distance from the pole (0, …, 0, 1) is
    d = arccos((‖φ‖² - 1)/(‖φ‖² + 1)) = 2·arccot ‖φ‖, within [0, π]. Discriminator: -Σ_m (E[d(x)^m] - E[d(G(z))^m]) over
    moments m = 1 … M. Generator: -Σ_m E[d(G(z))^m]. The sphere is bounded, so no constraint is needed.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"embedding"})

    moments: PositiveInt = Field(3, le=100, description="how many moments are matched (M)")

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """Minus the difference of the moments."""
        return self._moments(fake) - self._moments(real)

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """Minus the moments of the generated pictures."""
        return -self._moments(fake)

    def _moments(self, output: DiscriminatorOutput) -> Tensor:
        import torch

        radius = output.embedding.norm(dim=1)
        distance = 2 * torch.atan2(torch.ones_like(radius), radius)
        return torch.stack([(distance**m).mean() for m in range(1, self.moments + 1)]).sum()


class Sliced(Loss, name="sliced"):
    """SAN of any loss (Takida et al., 2023; arXiv:2301.12811): the direction of slicing is told apart from the rest.

    With the unit direction ω of `slicing`, D = <ω, φ>. Discriminator: the base's of <sg(ω), φ>, and of ω Wasserstein's
    -E[<ω, sg(φ(x))>] + E[<ω, sg(φ(G(z)))>], sg passing no gradient: so ω is the direction in which both sides are
    furthest apart, as metrizable slicing needs. Generator: the base's.
    """

    base: Loss = Field(  # type: ignore[assignment]
        "classic/hinge", description="the loss that is sliced: any that is installed"
    )

    @property
    def requires(self) -> frozenset[str]:
        """What the base requires, and the direction."""
        return frozenset(self.base.requires) | {"direction"}

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """The base's for the features, and the distance of both sides for the direction."""
        apart = real.extra["direction"].mean() - fake.extra["direction"].mean()
        loss: Tensor = self.base.discriminator(real, fake) - apart
        return loss

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """The base's."""
        return self.base.generator(real, fake)
