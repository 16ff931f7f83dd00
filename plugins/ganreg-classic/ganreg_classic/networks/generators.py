"""Networks from noise to pictures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from ganreg.task import Shape
from ganreg_classic.networks.initialization import dcgan_
from ganreg_classic.networks.labels import LabelledLatent
from ganreg_classic.pyramid import pyramid


class MLPGenerator(nn.Module):
    """The text-book stack; z (N, latent) and labels (N,) to images (N, C, H, W) in [-1, 1].

    Every dense layer has a bias: it acts before the ReLU, so the normalization after that does not cancel it.
    """

    def __init__(
        self, latent: int, image: Shape, widths: Sequence[int], classes: int | None = None, label_size: int = 32
    ) -> None:
        super().__init__()
        self.latent = LabelledLatent(latent, classes, label_size)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((self.latent.size, *widths)):
            # Keras counts momentum as the share that is kept, torch as the share that is new: 0.8 there is 0.2 here.
            layers += [nn.Linear(inputs, outputs), nn.ReLU(), nn.BatchNorm1d(outputs, eps=1e-3, momentum=0.2)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], prod(image)), nn.Tanh(), nn.Unflatten(1, image))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """(N, latent) to (N, C, H, W)."""
        images: Tensor = self.layers(self.latent(z, labels))
        return images


class DCGANGenerator(nn.Module):
    """DCGAN's generator; z (N, latent) and labels (N,) to images (N, C, H, W) in [-1, 1].

    Only the last layer has a bias: elsewhere the batch normalization that follows would cancel it.
    """

    def __init__(
        self,
        latent: int,
        image: Shape,
        width: int = 64,
        max_width: int = 512,
        classes: int | None = None,
        label_size: int = 32,
    ) -> None:
        super().__init__()
        coarsest, doublings = pyramid(image)
        widths = [min(width * 2**level, max_width) for level in reversed(range(doublings))]
        self.latent = LabelledLatent(latent, classes, label_size)
        # A transposed convolution of a 1x1 grid is the paper's "project and reshape".
        blocks = [_block(nn.ConvTranspose2d(self.latent.size, widths[0], coarsest, bias=False))]
        for inputs, outputs in pairwise(widths):
            blocks.append(_block(nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)))
        last = nn.ConvTranspose2d(widths[-1], image[0], 4, stride=2, padding=1)
        self.layers = nn.Sequential(*blocks, last, nn.Tanh())
        dcgan_(self)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """(N, latent) to (N, C, H, W)."""
        images: Tensor = self.layers(self.latent(z, labels)[:, :, None, None])
        return images


def _block(convolution: nn.ConvTranspose2d) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU())
