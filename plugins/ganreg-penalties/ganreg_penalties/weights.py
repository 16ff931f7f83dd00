"""Penalties and constraints on the weights of any player."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, NonNegativeFloat, PositiveFloat

from ganreg import Penalty

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg.engine.play import Play


class WeightPenalty(Penalty):
    """Base of those for any player of the game."""

    side: str = Field("discriminator", description="the player whose weights it is about")

    @property
    def player(self) -> str:  # type: ignore[override]
        """The side."""
        return self.side


class Orthogonal(WeightPenalty, name="orthogonal"):
    """Orthogonal regularization of BigGAN (Brock et al., 2018; arXiv:1809.11096, section 3.1).

    Σ ‖WWᵀ ⊙ (1 - I)‖²_F over the layers' weights W (filters, inputs): the filters of a layer are kept from pointing the
    same way, and their norms are left alone. With `norms` it is ‖WWᵀ - I‖²_F (Brock et al., 2016; arXiv:1609.07093).
    Embeddings are left out, and of a spectrally normalized layer W is what is trained.
    """

    weight: NonNegativeFloat = Field(1e-4, description="factor of the term (β)")
    norms: bool = Field(False, description="hold the norms of filters at 1, too")

    def __call__(self, play: Play) -> Tensor:
        """The sum over all layers; a scalar."""
        import torch

        from ganreg_penalties.layers import filters, overlap

        return torch.stack([overlap(matrix, norms=self.norms) for matrix in filters(play)]).sum()


class ClipWeights(WeightPenalty, name="clip-weights"):
    """WGAN's clipping of weights (Arjovsky et al., 2017; arXiv:1701.07875, algorithm 1), for any player.

    No term, but after each of the player's updates every weight w becomes min(max(w, -limit), limit).
    """

    weight: NonNegativeFloat = Field(1.0, description="without effect: there is no term to multiply")
    limit: PositiveFloat = Field(0.01, allow_inf_nan=False, description="the largest absolute value of a weight")

    def after_update(self, play: Play) -> None:
        """Clamp the weights in place, once their own player has moved."""
        import torch

        if play.player == self.side:
            with torch.no_grad():
                for parameter in play.parameters():
                    parameter.clamp_(-self.limit, self.limit)
