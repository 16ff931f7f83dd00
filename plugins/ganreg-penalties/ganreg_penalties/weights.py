"""Penalties on the weights of any player."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, NonNegativeFloat

from ganreg import SidedPenalty

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg.engine.play import Play


class WeightPenalty(SidedPenalty):
    """Base of penalties on the weights of any player of the game."""

    side: str = Field(  # type: ignore[assignment]
        "discriminator", description="the player whose weights it is about"
    )


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
