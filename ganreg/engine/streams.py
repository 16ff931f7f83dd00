"""Random numbers that depend on a key alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ganreg.seeds import derive


@dataclass(frozen=True)
class Share:
    """Rows `start` … `start + count - 1` of the `whole` pictures of a turn.

    copies: how often the rows come, one copy after another, as where a picture is shown in four turns.
    """

    start: int
    count: int
    whole: int
    copies: int = 1


class Stream:
    """Numbers for one purpose: two streams of the same key give the same numbers. On "meta", shapes alone.

    share: the pictures that the numbers are for. Where the first size is their count, numbers are drawn for the whole
    and these rows are given: no picture's numbers depend on how many processes, or parts of a batch, there are.
    """

    def __init__(self, device: torch.device, seed: int, *purpose: str | int, share: Share | None = None) -> None:
        self.device = device
        self._share = share
        self.generator: torch.Generator | None = None
        if device.type != "meta":
            self.generator = torch.Generator(device).manual_seed(derive(seed, *purpose))

    def normal(self, *size: int) -> Tensor:
        """N(0, 1), float32."""
        return self._rows_of(torch.randn, size)

    def uniform(self, *size: int) -> Tensor:
        """Uniform over [0, 1), float32."""
        return self._rows_of(torch.rand, size)

    def integers(self, high: int, *size: int) -> Tensor:
        """Uniform over 0 … high - 1, int64."""
        return self._rows_of(partial(torch.randint, high), size)

    def permutation(self, count: int) -> Tensor:
        """0 … count - 1 in random order, int64."""
        if self.generator is None:
            return torch.empty(count, dtype=torch.int64, device=self.device)
        return self._drawn(partial(torch.randperm, count))

    def _rows_of(self, draw: Callable[..., Tensor], size: tuple[int, ...]) -> Tensor:
        """The numbers of a size, or of the whole and these rows of it."""
        share = self._share
        if share is None or size[:1] != (share.copies * share.count,):
            return self._drawn(partial(draw, size))
        whole = self._drawn(partial(draw, (share.copies * share.whole, *size[1:])))
        return whole.view(share.copies, share.whole, *size[1:]).narrow(1, share.start, share.count).flatten(0, 1)

    def _drawn(self, draw: partial[Tensor]) -> Tensor:
        """The numbers that come next."""
        return draw(generator=self.generator, device=self.device)
