"""Discriminators: two text-book ones and DCGAN's."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, PositiveInt

from ganreg import Discriminator
from ganreg_classic.pyramid import pyramid

if TYPE_CHECKING:
    from torch import nn

    from ganreg.task import Task


class ClassicDiscriminator(Discriminator):
    """Base of these discriminators: hidden blocks, then a linear layer on what they leave, flattened.

    Returns logits (N,), the activations after each hidden block as `features`, and as `embedding` (N, D) what the
    linear layer sees. In a conditional run the label's projection <v_y, embedding> is added to the logits (Miyato &
    Koyama, 2018; arXiv:1802.05637).
    """

    provides: ClassVar[frozenset[str]] = frozenset({"features", "embedding"})


class ConvDiscriminator(ClassicDiscriminator, name="conv"):
    """The text-book discriminator: 3x3 convolutions of stride 2, each with LeakyReLU(0.2) and dropout; then one unit.

    Sizes are halved, rounded up ("same" padding), so any picture will do.
    """

    widths: tuple[PositiveInt, ...] = Field((64, 128), min_length=1, description="channels of the convolutions")
    dropout: float = Field(0.3, ge=0, lt=1, description="share of activations dropped after each convolution")

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W) to a DiscriminatorOutput with logits (N,)."""
        from ganreg_classic.networks.discriminators import ConvDiscriminator

        return ConvDiscriminator(task.image, self.widths, self.dropout, task.classes)


class MLPDiscriminator(ClassicDiscriminator, name="mlp"):
    """Dense layers with LeakyReLU(0.2) on the flattened picture, then one unit."""

    widths: tuple[PositiveInt, ...] = Field((512, 256), min_length=1, description="sizes of the hidden layers")

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W) to a DiscriminatorOutput with logits (N,)."""
        from ganreg_classic.networks.discriminators import MLPDiscriminator

        return MLPDiscriminator(task.image, self.widths, task.classes)


class DCGANDiscriminator(ClassicDiscriminator, name="dcgan"):
    """Deep convolutional discriminator (Radford et al., 2015; arXiv:1511.06434) for the sizes of its generator.

    4x4 convolutions of stride 2 with LeakyReLU(0.2) down to the coarsest grid, then one unit on all of it. The paper
    normalizes every hidden layer but the first by batch, and starts all weights from N(0, 0.02²): here that is
    `normalization: batch`. The default is none, with torch's usual start, because it suits every loss and penalty: the
    penalties on gradients are defined per picture, which batch statistics undo (Gulrajani et al., 2017;
    arXiv:1704.00028, section 4).
    """

    width: PositiveInt = Field(64, description="channels of the first layer; doubled at each coarser grid")
    max_width: PositiveInt = Field(512, description="the most channels of any layer")
    normalization: Literal["none", "batch", "spectral"] = Field(
        "none", description="of hidden layers by batch, or of every weight by its spectral norm (arXiv:1802.05957)"
    )

    def check(self, task: Task) -> None:
        """Refuse sizes that halving does not bring to the coarsest grid."""
        pyramid(task.image)

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W) to a DiscriminatorOutput with logits (N,)."""
        from ganreg_classic.networks.discriminators import DCGANDiscriminator

        return DCGANDiscriminator(task.image, self.width, self.max_width, self.normalization, task.classes)
