"""Where real pictures and random numbers come from: data and keyed streams, or what a recorded step holds of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from weakref import proxy

from torch import Tensor

from ganreg.batch import Batch
from ganreg.engine.inputs import Inputs
from ganreg.engine.streams import Share, Stream

if TYPE_CHECKING:
    from ganreg.engine.match import Match


class Batches(Protocol):
    """Where real pictures come from."""

    def batch(self, position: int, rows: slice) -> Batch:
        """Rows of batch number `position` of the run."""


class Sources:
    """A match's batches and noise, which follow from seed and place alone.

    inputs: what takes the place of both in a step that is recorded.
    """

    def __init__(self, match: Match, feed: Batches | None) -> None:
        self._match: Match = proxy(match)
        self._feed = feed
        self._shared: dict[tuple[int, int, int], tuple[Batch, tuple[int, ...]]] = {}
        self.inputs: Inputs | None = None

    def clear(self) -> None:
        """Forget the batches that players have shared; a step is over."""
        self._shared.clear()

    def batch(self, position: int, rows: slice, *, shared: bool) -> Batch:
        """Rows of a batch of the run, read once for players that share it."""
        key = (position, rows.start, rows.stop)
        batch, version = self._shared.get(key, (None, ()))
        if batch is None or _version(batch) != version:  # a network may write into its pictures
            batch = self.inputs.batch(position, rows) if self.inputs else self.read(position, rows)
        if shared:
            self._shared[key] = batch, _version(batch)
        return batch

    def read(self, position: int, rows: slice = slice(None)) -> Batch:
        """Rows of a batch of the run, from the data."""
        assert self._feed is not None, "a match without data is for sampling alone"
        return self._feed.batch(position, rows)

    def noise(self, count: int, *key: str | int) -> Tensor:
        """`Match.noise`."""
        return self._latents(Stream(self._match.device, self._match.spec.seed, *key), count)

    def noise_of_turn(self, step: int, turn: int) -> Tensor:
        """`noise` of a turn, for a whole batch."""
        return self._latents(self.stream("noise", step, turn), self._match.spec.train.batch_size)

    def stream(self, purpose: str, step: int, *place: str | int, share: Share | None = None) -> Stream:
        """Random numbers for a purpose and place in a step, the present one where a step is recorded."""
        if self.inputs is not None:
            return self.inputs.stream(purpose, place, share)
        return Stream(self._match.device, self._match.seed, purpose, step, *place, share=share)

    def _latents(self, stream: Stream, count: int) -> Tensor:
        size = (count, self._match.parts.task.latent)
        uniform = self._match.spec.latent.distribution == "uniform"
        return stream.uniform(*size).mul_(2).sub_(1) if uniform else stream.normal(*size)


def _version(batch: Batch) -> tuple[int, ...]:
    return tuple(tensor._version for tensor in (batch.images, batch.source) if tensor is not None)
