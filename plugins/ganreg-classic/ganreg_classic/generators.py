"""Generators: the text-book stack and DCGAN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, PositiveInt

from ganreg import Generator
from ganreg.task import describe
from ganreg_classic.pyramid import pyramid

if TYPE_CHECKING:
    from torch import nn

    from ganreg.task import Task


class MLPGenerator(Generator, name="mlp"):
    """The text-book stack: dense layers, each with ReLU and then batch normalization; a last one with tanh.

    The order, Dense(relu) before BatchNorm(momentum 0.8), is the one that text-books publish. In a conditional run a
    learned embedding of the label is concatenated to z. Training needs batches of at least two pictures, from which
    the statistics of a vector's entries can be taken.
    """

    widths: tuple[PositiveInt, ...] = Field(
        (128, 128, 256, 512, 1024), min_length=1, description="sizes of the hidden layers, from z to the picture"
    )
    shape: tuple[PositiveInt, PositiveInt, PositiveInt] | None = Field(
        None, description="(C, H, W) of the pictures it makes; null for those of the task"
    )
    label_size: PositiveInt = Field(32, description="size of the label embedding in a conditional run")

    def check(self, task: Task) -> None:
        """Refuse a `shape` that is not the task's, and tasks with a source."""
        _without_source(task)
        if self.shape is not None and self.shape != task.image:
            raise ValueError(f"makes {describe(self.shape)} images, where the task has {describe(task.image)}")

    def build(self, task: Task) -> nn.Module:
        """z (N, latent) to images (N, C, H, W)."""
        from ganreg_classic.networks.generators import MLPGenerator

        return MLPGenerator(task.latent, self.shape or task.image, self.widths, task.classes, self.label_size)


class DCGANGenerator(Generator, name="dcgan"):
    """Deep convolutional generator (Radford et al., 2015; arXiv:1511.06434) for square pictures of side 4·2^k, or 28.

    Transposed 4x4 convolutions of stride 2 with batch normalization and ReLU, then tanh; all weights start from
    N(0, 0.02²). In a conditional run a learned embedding of the label is concatenated to z. The paper's own network
    for 64x64 has `width: 128, max_width: 1024`.
    """

    width: PositiveInt = Field(64, description="channels before the last layer; doubled at each coarser grid")
    max_width: PositiveInt = Field(512, description="the most channels of any layer")
    label_size: PositiveInt = Field(32, description="size of the label embedding in a conditional run")

    def check(self, task: Task) -> None:
        """Refuse sizes that doubling does not reach, and tasks with a source."""
        _without_source(task)
        pyramid(task.image)

    def build(self, task: Task) -> nn.Module:
        """z (N, latent) to images (N, C, H, W)."""
        from ganreg_classic.networks.generators import DCGANGenerator

        return DCGANGenerator(task.latent, task.image, self.width, self.max_width, task.classes, self.label_size)


def _without_source(task: Task) -> None:
    if task.source is not None:
        raise ValueError(f"makes images from noise alone, where the task gives {describe(task.source)} source images")
