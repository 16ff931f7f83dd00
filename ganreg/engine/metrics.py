"""What a metric gets to measure with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ganreg.batch import Batch, DiscriminatorOutput
from ganreg.engine.feed import Feed
from ganreg.engine.match import Match
from ganreg.engine.pictures import evaluating, generate
from ganreg.engine.play import as_output


class Evaluation:
    """Generated and real pictures for a metric; the same ones at every measurement of a run."""

    def __init__(self, match: Match, feed: Feed) -> None:
        self._match = match
        self._feed = feed
        self.device = match.device
        self.step = match.step_index

    def generated(self, count: int) -> Iterator[Batch]:
        """`count` generated pictures with their labels, in batches, float in [-1, 1] on the run's device."""
        for index, size in enumerate(self._sizes(count)):
            batch = generate(self._match, self._feed, size, "metrics", index)
            yield replace(batch, images=batch.images.clamp(-1, 1))

    def real(self, count: int | None = None) -> Iterator[Batch]:
        """The first `count` real pictures, all by default, in batches, float in [-1, 1] on the run's device."""
        start = 0
        for size in self._sizes(len(self._feed) if count is None else min(count, len(self._feed))):
            batch = self._feed.take(torch.arange(start, start + size))
            yield replace(batch, images=self._match.fit(batch.images))
            start += size

    @torch.no_grad()
    def discriminate(
        self, images: Tensor, labels: Tensor | None = None, network: str = "discriminator"
    ) -> DiscriminatorOutput:
        """What a discriminator says of pictures, in evaluation mode and without augmentation.

        labels: reach it in a conditional run alone. Raises KeyError for a network that the game has not.
        """
        judge = self._match.networks[network]
        labels = None if self._match.parts.task.classes is None else labels
        with evaluating(judge):
            return as_output(judge(images, labels), labels)

    def _sizes(self, count: int) -> Iterator[int]:
        size = self._match.spec.train.batch_size
        return (min(size, count - start) for start in range(0, count, size))


def is_picture(value: Any) -> bool:
    """Whether what a metric gives is a picture (C, H, W) in [-1, 1], and not a number."""
    return isinstance(value, Tensor) and value.ndim == 3
