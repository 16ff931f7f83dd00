"""An autoencoder as a discriminator."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from ganreg import DiscriminatorOutput
from ganreg.task import Shape


class Autoencoder(nn.Module):
    """Images (N, C, H, W) to logits (N,), minus the mean error of their reconstruction, with the code as embedding."""

    def __init__(self, image: Shape, widths: Sequence[int], code: int, power: int) -> None:
        super().__init__()
        channels, *size = image
        sizes = [size]
        for _ in widths:
            sizes.append([(side + 1) // 2 for side in sizes[-1]])
        self.power = power
        self.encoder = nn.ModuleList(
            nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.ELU())
            for inputs, outputs in pairwise((channels, *widths))
        )
        coarsest = (widths[-1], *sizes[-1])
        self.code = nn.Sequential(nn.Flatten(), nn.Linear(widths[-1] * sizes[-1][0] * sizes[-1][1], code))
        layers: list[nn.Module] = [nn.Linear(code, coarsest[0] * coarsest[1] * coarsest[2]), nn.Unflatten(1, coarsest)]
        for (inputs, outputs), larger in zip(pairwise((*widths[::-1], widths[0])), sizes[-2::-1], strict=True):
            layers += [nn.Upsample(tuple(larger)), nn.Conv2d(inputs, outputs, 3, padding=1), nn.ELU()]
        self.decoder = nn.Sequential(*layers, nn.Conv2d(widths[0], channels, 3, padding=1))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """(N, C, H, W) to logits (N,)."""
        features = [images]
        for block in self.encoder:
            features.append(block(features[-1]))
        code = self.code(features[-1])
        error = (images - self.decoder(code)).abs().pow(self.power).flatten(1).mean(dim=1)
        return DiscriminatorOutput(-error, features=tuple(features[1:]), embedding=code)
