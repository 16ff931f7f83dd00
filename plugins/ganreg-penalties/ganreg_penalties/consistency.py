"""Penalties on what changes where nothing should: under augmentation, and nearby in the latent space."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, NonNegativeFloat, PositiveFloat

from ganreg import Augmentation, Penalty, SidedPenalty

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg import DiscriminatorOutput
    from ganreg.engine.play import Play


class Consistency(Penalty, name="consistency"):
    """Consistency regularization, CR (Zhang et al., 2019; arXiv:1910.12027).

    E[(D(x) - D(T(x)))²] with T an augmentation, in the paper mirrored pictures that are moved by a few pixels. D is
    compared before any sigmoid. An augmentation of the run itself acts on both.
    """

    weight: NonNegativeFloat = Field(10.0, description="factor of the term (λ)")
    augment: Augmentation = Field(  # type: ignore[assignment]
        {"name": "augment/chain", "parts": ["augment/flip", "augment/shift"]}, description="T"
    )

    def __call__(self, play: Play) -> Tensor:
        """The mean over the batch; a scalar."""
        return self.difference(play, play.real, play.real_output)

    def difference(self, play: Play, images: Tensor, output: DiscriminatorOutput) -> Tensor:
        """E[(D(x) - D(T(x)))²] of pictures and what D has said of them."""
        from ganreg_penalties.outputs import mean_square_difference

        return mean_square_difference(output, play.discriminate(self.augment(images, play.random("consistency"))))


class BalancedConsistency(Consistency, name="balanced-consistency"):
    """Balanced consistency regularization, bCR (Zhao et al., 2020; arXiv:2002.04724, algorithm 1).

    E[(D(x) - D(T(x)))²] + E[(D(G(z)) - D(T(G(z))))²]: both sides, so that T leaks into neither.
    """

    def __call__(self, play: Play) -> Tensor:
        """The sum of both means; a scalar."""
        return super().__call__(play) + self.difference(play, play.fake, play.fake_output)


class LatentConsistency(SidedPenalty, name="latent-consistency"):
    """Latent consistency regularization, zCR (Zhao et al., 2020; arXiv:2002.04724, algorithm 2).

    With Δz ~ N(0, σ²), the discriminator's side is E[(D(G(z)) - D(G(z + Δz)))²], the generator's the negative of
    E[(G(z) - G(z + Δz))²], a mean over pictures and values: D is blind to small steps, and so G has to take them.
    The paper's weights are 5 and 0.5. With bCR it is ICR: three penalties.
    """

    weight: NonNegativeFloat = Field(5.0, description="factor of the term (λ_dis or λ_gen)")
    sigma: PositiveFloat = Field(0.03, allow_inf_nan=False, description="standard deviation of the step in z (σ)")

    def __call__(self, play: Play) -> Tensor:
        """The mean over the batch; a scalar."""
        from ganreg_penalties.outputs import mean_square_difference

        step = self.sigma * play.random("latent-consistency").normal(*play.z.shape)
        nearby = play.generate(play.z + step)
        if self.side == "generator":
            return -(play.fake - nearby).square().mean()
        return mean_square_difference(play.fake_output, play.discriminate(nearby))
