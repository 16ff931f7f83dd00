"""The networks of the kit's own parts: smooth, quick, and of whatever dtype they are asked to be."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import interpolate

from ganreg.batch import DiscriminatorOutput
from ganreg.task import Shape

GRID = 4
WIDTH = 8


class Maker(nn.Module):
    """z (N, latent), or source (N, C', H', W') and z, to images (N, C, H, W) in [-1, 1]."""

    def __init__(self, image: Shape, latent: int, classes: int | None, source: Shape | None) -> None:
        super().__init__()
        channels, *self.size = image
        self.label = None if classes is None else nn.Embedding(classes, latent)
        self.source = None if source is None else nn.Conv2d(source[0], WIDTH, 1)
        self.dense = nn.Linear(latent, WIDTH * GRID * GRID) if source is None else None
        self.colour = nn.Conv2d(WIDTH, channels, 1)

    def forward(self, first: Tensor, *others: Tensor | None) -> Tensor:
        """(z, labels) or (source, z, labels) to images."""
        first = first.to(self.colour.weight.dtype)
        if self.source is not None:
            hidden = self.source(first)
        else:
            assert self.dense is not None
            labels = others[0] if others else None
            z = first if self.label is None or labels is None else first + self.label(labels)
            hidden = self.dense(z).unflatten(1, (WIDTH, GRID, GRID))
        images: Tensor = self.colour(interpolate(hidden, size=self.size).tanh()).tanh()
        return images


class Body(nn.Module):
    """Images (N, C, H, W) to two features and their mean (N, WIDTH)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, WIDTH, 3, padding=1)
        self.second = nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1)

    def forward(self, images: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """The features, shallow to deep, and the embedding."""
        first = self.first(images).tanh()
        second = self.second(first).tanh()
        return (first, second), second.mean(dim=(2, 3))


class Judge(nn.Module):
    """Images (N, C, H, W) to logits (N,); with classes also to class logits (N, K)."""

    def __init__(self, channels: int, classes: int | None) -> None:
        super().__init__()
        self.body = Body(channels)
        self.head = nn.Linear(WIDTH, 1)
        self.classify = None if classes is None else nn.Linear(WIDTH, classes)
        self.label = None if classes is None else nn.Embedding(classes, WIDTH)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """Logits with the label's projection, features, embedding and class logits."""
        features, embedding = self.body(images)
        logits = self.head(embedding).squeeze(1)
        if self.label is not None and labels is not None:
            logits = logits + (self.label(labels) * embedding).sum(dim=1)
        classes = None if self.classify is None else self.classify(embedding)
        return DiscriminatorOutput(logits, features, embedding, classes)


class Reader(nn.Module):
    """Images (N, C, H, W) to z (N, latent)."""

    def __init__(self, channels: int, latent: int) -> None:
        super().__init__()
        self.body = Body(channels)
        self.head = nn.Linear(WIDTH, latent)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """(N, C, H, W) to (N, latent)."""
        z: Tensor = self.head(self.body(images)[1])
        return z
