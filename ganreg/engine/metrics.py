"""What a metric gets to measure with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch

from ganreg.batch import Batch
from ganreg.engine.feed import Feed
from ganreg.engine.match import Match
from ganreg.engine.pictures import generate


class Evaluation:
    """Generated and real pictures for a metric; the same ones at every measurement of a run."""

    def __init__(self, match: Match, feed: Feed) -> None:
        self._match = match
        self._feed = feed
        self.device = match.device
        self.step = match.step_index

    def generated(self, count: int) -> Iterator[Batch]:
        """`count` generated pictures in batches, float in [-1, 1] on the run's device."""
        for index, size in enumerate(self._sizes(count)):
            yield Batch(generate(self._match, self._feed, size, "metrics", index).clamp(-1, 1))

    def real(self, count: int | None = None) -> Iterator[Batch]:
        """The first `count` real pictures, all by default, in batches, float in [-1, 1] on the run's device."""
        start = 0
        for size in self._sizes(len(self._feed) if count is None else min(count, len(self._feed))):
            batch = self._feed.take(torch.arange(start, start + size))
            yield replace(batch, images=self._match.fit(batch.images))
            start += size

    def _sizes(self, count: int) -> Iterator[int]:
        size = self._match.spec.train.batch_size
        return (min(size, count - start) for start in range(0, count, size))
