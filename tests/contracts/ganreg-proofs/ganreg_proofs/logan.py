"""LOGAN (Wu et al., 2019; arXiv:1912.00953): z moves towards what the discriminator likes before the players move."""

from typing import Literal

from pydantic import Field, NonNegativeFloat

from ganreg import Schedule, SidedPenalty


class LOGAN(Schedule, name="tiny-logan"):
    """Latent optimisation by natural gradient, before a simultaneous step (algorithm 1).

    z' = clip(z + Δz, -1, 1) with Δz = α g / (β + |g|²) and g = ∂D(G(z))/∂z. The players' gradients pass through Δz.
    Take `latent: {distribution: uniform}`, since z' is clipped to [-1, 1].
    """

    rate: NonNegativeFloat = Field(0.9, description="length of the latent step (α)")
    damping: NonNegativeFloat = Field(5.0, description="damping of the natural gradient (β)")

    def step(self, game):
        with game.refine(self.towards_the_discriminator):
            for player in game.players:
                game.gradients(player)
        for player in game.players:
            game.apply(player)

    def towards_the_discriminator(self, play, z):
        z = z.detach().requires_grad_()
        gradient = play.gradients_of(play.discriminate(play.generate(z)), z)
        step = self.rate * gradient / (self.damping + gradient.square().sum(dim=1, keepdim=True))
        return (z + step).clamp(-1, 1)


class LatentStep(SidedPenalty, name="tiny-latent-step"):
    """E[|Δz|²] (section 3), so that the optimized z stays near its prior; for either player."""

    side: Literal["generator", "discriminator"] = Field("generator", description="the player whose term it is")

    def __call__(self, play):
        return (play.z - play.noise).square().sum(dim=1).mean()
