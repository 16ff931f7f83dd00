"""What a recorded step takes from the host: batches and random numbers, in tensors that are filled for each step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from torch import Tensor

from ganreg.batch import Batch
from ganreg.engine.streams import Share, Stream
from ganreg.seeds import derive

if TYPE_CHECKING:
    from ganreg.engine.match import Match


Kept = TypeVar("Kept")


class RecordingError(Exception):
    """Why a step cannot be recorded."""


class Inputs:
    """Batches and random numbers in the order in which a step asks for them.

    In a first step, within `gathered()`, they are made as ever and kept. Within `held()` a step is given the same
    tensors, which `fill()` has filled for it. unseen: within, data is read that nobody is to look at.
    """

    def __init__(self, match: Match, unseen: Callable[[], AbstractContextManager[None]]) -> None:
        self._match = match
        self._unseen = unseen
        self._streams: list[HeldStream] = []
        self._batches: list[tuple[int, slice, Batch]] = []
        self._asked: Iterator[HeldStream] | None = None
        self._read: Iterator[tuple[int, slice, Batch]] = iter(())

    def stream(self, purpose: str, place: tuple[str | int, ...], share: Share | None) -> Stream:
        """`Sources.stream`."""
        match = self._match
        if self._asked is None:
            stream = HeldStream(match, purpose, place, share)
            self._streams.append(stream)
            return stream
        stream = _next(self._asked)
        if (stream.purpose, stream.place) != (purpose, place):
            raise RecordingError(f"random numbers for '{purpose}' are asked for at another place in each step")
        return stream

    def batch(self, position: int, rows: slice) -> Batch:
        """`Sources.read`."""
        offset = position - self._match.position
        if self._asked is None:
            with self._unseen():
                batch = self._match.sources.read(position, rows)
            self._batches.append((offset, rows, batch))
            return batch
        its_offset, its_rows, batch = _next(self._read)
        if (its_offset, its_rows) != (offset, rows):
            raise RecordingError("batches are asked for in another order in each step")
        return batch

    def fill(self) -> None:
        """Fill all tensors for the match's present step."""
        for stream in self._streams:
            stream.fill()
        for offset, rows, batch in self._batches:
            found = self._match.sources.read(self._match.position + offset, rows)
            for name in ("images", "labels", "source"):
                tensor = getattr(batch, name)
                if tensor is not None:
                    tensor.copy_(getattr(found, name), non_blocking=True)

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Within, the match's step makes its inputs, which are kept."""
        self._match.sources.inputs = self
        try:
            yield
        finally:
            self._match.sources.inputs = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within, the match's step is given what is kept."""
        self._asked, self._read = iter(self._streams), iter(self._batches)
        for stream in self._streams:
            stream.rewind()
        with self.gathered():
            yield


class HeldStream(Stream):
    """A stream whose numbers stay in the tensors in which they were first given."""

    def __init__(self, match: Match, purpose: str, place: tuple[str | int, ...], share: Share | None) -> None:
        super().__init__(match.device, match.seed, purpose, match.step_index, *place, share=share)
        self.purpose = purpose
        self.place = place
        self._match = match
        self._made: list[tuple[partial[Tensor], Tensor]] = []
        self._given: Iterator[tuple[partial[Tensor], Tensor]] | None = None

    def fill(self) -> None:
        """Draw the numbers of the match's present step."""
        assert self.generator is not None, "steps on the meta device are not recorded"
        key = (self.purpose, self._match.step_index, *self.place)
        self.generator.manual_seed(derive(self._match.seed, *key))
        for draw, tensor in self._made:
            draw(generator=self.generator, out=tensor)

    def rewind(self) -> None:
        """Give the same tensors again, from the first one."""
        self._given = iter(self._made)

    def _drawn(self, draw: partial[Tensor]) -> Tensor:
        if self._given is None:
            tensor = super()._drawn(draw)
            self._made.append((draw, tensor))
            return tensor
        its_draw, tensor = _next(self._given)
        if _called(its_draw) != _called(draw):
            raise RecordingError(f"other random numbers are asked for '{self.purpose}' in each step")
        return tensor


def _called(draw: partial[Tensor]) -> Any:
    return draw.func, draw.args


def _next(kept: Iterator[Kept]) -> Kept:
    try:
        return next(kept)
    except StopIteration:
        raise RecordingError("more batches or random numbers are asked for than in the step before") from None
