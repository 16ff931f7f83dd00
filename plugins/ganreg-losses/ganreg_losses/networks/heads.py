"""Discriminators with a head on top, and a generator whose noise is looked at first."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from ganreg import DiscriminatorOutput, Head, Task, outline


class LinearHead(nn.Module):
    """The base's output, with a linear layer's of its embedding under a name in `extra`."""

    def __init__(self, base: nn.Module, embedding: int, name: str, size: int) -> None:
        super().__init__()
        self.base = base
        self.name = name
        self.head = nn.Linear(embedding, size)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """(N, C, H, W) to the output, with (N, size) more."""
        output: DiscriminatorOutput = self.base(images, labels)
        return replace(output, extra={**output.extra, self.name: self.head(output.embedding)})


class InfoMaxHead(nn.Module):
    """The base's output, with projections of a feature map and of the embedding."""

    def __init__(self, base: nn.Module, layer: int, channels: int, embedding: int, size: int) -> None:
        super().__init__()
        self.base = base
        self.layer = layer
        self.local = Projection(channels, size)
        self.whole = Projection(embedding, size)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """(N, C, H, W) to the output, with `local` (N, size, h, w) and `global` (N, size)."""
        output: DiscriminatorOutput = self.base(images, labels)
        local = self.local(output.features[self.layer])
        whole = self.whole(output.embedding[:, :, None, None]).flatten(1)
        return replace(output, extra={**output.extra, "local": local, "global": whole})


class Projection(nn.Module):
    """One hidden layer of the input's width, beside a linear shortcut; at every place alike."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.ReLU(), nn.Conv2d(channels, size, 1))
        self.shortcut = nn.Conv2d(channels, size, 1)

    def forward(self, features: Tensor) -> Tensor:
        """(N, channels, h, w) to (N, size, h, w)."""
        projected: Tensor = self.layers(features) + self.shortcut(features)
        return projected


class CategoricalCode(nn.Module):
    """A generator that is given a category in place of the first numbers of z."""

    def __init__(self, base: nn.Module, categories: int) -> None:
        super().__init__()
        self.base = base
        self.categories = categories

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """(N, latent) to (N, C, H, W)."""
        numbers, others = z[:, : self.categories], z[:, self.categories :]
        category = (numbers == numbers.amax(dim=1, keepdim=True)).to(z.dtype)
        images: Tensor = self.base(torch.cat([category, others], dim=1), labels)
        return images


def linear_head(head: Head, task: Task, name: str, size: int) -> nn.Module:
    """The base of a head, with a linear layer on its embedding."""
    return LinearHead(head.base.build(task), outline(head, task).embedding.shape[1], name, size)
