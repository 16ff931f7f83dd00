"""Any network, with its weights normalized by their largest singular value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, PositiveInt

from ganreg import Discriminator, Generator

if TYPE_CHECKING:
    from torch import nn

    from ganreg.task import Task

ITERATIONS = "steps of the power iteration at each forward in training"


class Spectral:
    """What both have in common: all that the base is, in another dress."""

    base: Any
    iterations: int

    @property
    def provides(self) -> Any:
        """The base's."""
        return self.base.provides

    @property
    def requires(self) -> Any:
        """The base's."""
        return self.base.requires

    def check(self, task: Task) -> None:
        """Refuse what the base refuses."""
        self.base.check(task)

    def build(self, task: Task) -> nn.Module:
        """The base's network, each layer's weight W replaced by W/σ(W)."""
        from ganreg_penalties.layers import spectrally_normalized

        network: nn.Module = spectrally_normalized(self.base.build(task), self.iterations)
        return network


class SpectralDiscriminator(Spectral, Discriminator, name="spectral"):
    """Spectral normalization (Miyato et al., 2018; arXiv:1802.05957, equation 8) of any discriminator: W/σ(W).

    σ(W) is the largest singular value of a layer's weight as a matrix, by power iteration. Linear and convolutional
    layers and embeddings are normalized, unless the base has done so; biases and normalization layers stay.
    """

    base: Discriminator = Field(
        examples=[{"name": "classic/conv", "widths": [8]}], description="the discriminator that is normalized"
    )
    iterations: PositiveInt = Field(1, description=ITERATIONS)


class SpectralGenerator(Spectral, Generator, name="spectral"):
    """Spectral normalization (Miyato et al., 2018; arXiv:1802.05957) of any generator, as SAGAN has it: W/σ(W).

    Zhang et al. (2018; arXiv:1805.08318) found that it helps there, too.
    """

    base: Generator = Field(
        examples=[{"name": "classic/mlp", "widths": [16]}], description="the generator that is normalized"
    )
    iterations: PositiveInt = Field(1, description=ITERATIONS)
