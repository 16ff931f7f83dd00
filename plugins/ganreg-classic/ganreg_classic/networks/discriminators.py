"""Networks from pictures to logits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import prod
from typing import Literal

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ganreg import DiscriminatorOutput
from ganreg.task import Shape
from ganreg_classic.networks.initialization import dcgan_
from ganreg_classic.networks.labels import Head
from ganreg_classic.pyramid import pyramid

SLOPE = 0.2
"""Of every LeakyReLU below zero."""


class BlockDiscriminator(nn.Module):
    """Hidden blocks in a row, then a head on what they leave, flattened.

    Images (N, C, H, W) and labels (N,) to logits (N,), the activations after each block as features, and the
    embedding (N, D) that the head sees.
    """

    def __init__(self, blocks: Iterable[nn.Module], embedding: int, classes: int | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.head = Head(embedding, classes)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """(N, C, H, W) to logits (N,)."""
        features = [images]
        for block in self.blocks:
            features.append(block(features[-1]))
        embedding = features[-1].flatten(1)
        return DiscriminatorOutput(self.head(embedding, labels), features=tuple(features[1:]), embedding=embedding)


class ConvDiscriminator(BlockDiscriminator):
    """The text-book convolutions: 3x3, stride 2, LeakyReLU, dropout. One pixel of padding halves sizes rounded up."""

    def __init__(self, image: Shape, widths: Sequence[int], dropout: float = 0.3, classes: int | None = None) -> None:
        channels, height, width = image
        blocks = [
            nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.LeakyReLU(SLOPE), nn.Dropout(dropout))
            for inputs, outputs in pairwise((channels, *widths))
        ]
        shrink = 2 ** len(widths)
        super().__init__(blocks, widths[-1] * -(-height // shrink) * -(-width // shrink), classes)


class MLPDiscriminator(BlockDiscriminator):
    """Dense layers with LeakyReLU on the flattened picture."""

    def __init__(self, image: Shape, widths: Sequence[int], classes: int | None = None) -> None:
        blocks = [
            nn.Sequential(nn.Flatten(), nn.Linear(inputs, outputs), nn.LeakyReLU(SLOPE))
            for inputs, outputs in pairwise((prod(image), *widths))
        ]
        super().__init__(blocks, widths[-1], classes)


class DCGANDiscriminator(BlockDiscriminator):
    """DCGAN's discriminator. With batch normalization the layers that it follows have no bias to cancel.

    The paper's narrow start belongs to batch normalization, which undoes its scale. Without, it would shrink the
    signal at every layer, so torch's own start is kept.
    """

    def __init__(
        self,
        image: Shape,
        width: int = 64,
        max_width: int = 512,
        normalization: Literal["none", "batch", "spectral"] = "none",
        classes: int | None = None,
    ) -> None:
        coarsest, halvings = pyramid(image)
        widths = [min(width * 2**level, max_width) for level in range(halvings)]
        blocks = [nn.Sequential(nn.Conv2d(image[0], widths[0], 4, stride=2, padding=1), nn.LeakyReLU(SLOPE))]
        for inputs, outputs in pairwise(widths):
            batch = normalization == "batch"
            convolution = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=not batch)
            normalized = [nn.BatchNorm2d(outputs)] if batch else []
            blocks.append(nn.Sequential(convolution, *normalized, nn.LeakyReLU(SLOPE)))
        super().__init__(blocks, widths[-1] * coarsest**2, classes)
        if normalization == "batch":
            dcgan_(self)
        if normalization == "spectral":
            for module in [m for m in self.modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.Embedding)]:
                spectral_norm(module)
