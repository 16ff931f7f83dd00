"""LOGAN: latents that are improved before the players see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from ganreg import Schedule, SidedPenalty

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg.engine.match import Match
    from ganreg.engine.play import Play


class LOGAN(Schedule, name="logan"):
    """Latent optimisation (Wu et al., 2019; arXiv:1912.00953), around any schedule.

    Both players see G(z') with z' = clip(z + Δz, -1, 1), and their gradients pass through Δz. With
    g = ∂D(G(z))/∂z, Δz = α g by `gradient`, and Δz = α g/(β + ‖g‖²) by `natural` gradient, which is the paper's with
    the damped Fisher matrix of one sample. Take `latent: {distribution: uniform}`, whose z fill [-1, 1]. The paper's
    regularizer of ‖Δz‖² is the penalty `latent-step`. Samples are of z as drawn.
    """

    base: Schedule = Field(  # type: ignore[assignment]
        "classic/alternating", examples=["classic/alternating"], description="the schedule of the players' updates"
    )
    by: Literal["natural", "gradient"] = Field("natural", description="how a latent step is made of the gradient")
    rate: PositiveFloat = Field(0.9, allow_inf_nan=False, description="length of a latent step (α)")
    damping: PositiveFloat = Field(5.0, allow_inf_nan=False, description="damping of the natural gradient (β)")
    latent_steps: PositiveInt = Field(1, le=1000, description="latent steps, one after the other")
    share: float = Field(1.0, gt=0, le=1, description="share of the latents in a batch that are improved")

    def milestones(self) -> tuple[int, ...]:
        """The base's."""
        return self.base.milestones()

    def step(self, game: Match) -> None:
        """Play one step."""
        with game.refine(self.improved):
            self.base.step(game)

    def improved(self, play: Play, z: Tensor) -> Tensor:
        """z' (N, latent) of z."""
        chosen = play.random("logan").uniform(len(z), 1) < self.share
        for _ in range(self.latent_steps):
            z = (z + chosen * self.latent_step(play, z)).clamp(-1, 1)
        return z

    def latent_step(self, play: Play, z: Tensor) -> Tensor:
        """Δz (N, latent), differentiable."""
        if not z.requires_grad:
            z = z.detach().requires_grad_()
        gradient = play.gradients_of(play.discriminate(play.generate(z)), z)
        if self.by == "gradient":
            return self.rate * gradient
        squares = gradient.square().sum(dim=1, keepdim=True)
        return self.rate * gradient / (self.damping + squares)


class LatentStep(SidedPenalty, name="latent-step"):
    """LOGAN's regularizer E[‖Δz‖²] (Wu et al., 2019; arXiv:1912.00953): z' stays near the z that was drawn.

    Δz is how far the schedule `logan` has moved z; without it the term is 0. For either player: name it once for each.
    """

    side: Literal["generator", "discriminator"] = Field("generator", description="the player whose term it is")

    double_backward: ClassVar[bool] = True

    def __call__(self, play: Play) -> Tensor:
        """The mean over the batch; a scalar."""
        return (play.z - play.noise).square().sum(dim=1).mean()
