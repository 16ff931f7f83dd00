"""Random numbers that depend on a key alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from ganreg.seeds import derive


class Stream:
    """Numbers for one purpose: two streams of the same key give the same numbers. On "meta", shapes alone."""

    def __init__(self, device: torch.device, seed: int, *purpose: str | int) -> None:
        self.device = device
        self.generator: torch.Generator | None = None
        if device.type != "meta":
            self.generator = torch.Generator(device).manual_seed(derive(seed, *purpose))

    def normal(self, *size: int) -> Tensor:
        """N(0, 1), float32."""
        return torch.randn(size, generator=self.generator, device=self.device)

    def uniform(self, *size: int) -> Tensor:
        """Uniform over [0, 1), float32."""
        return torch.rand(size, generator=self.generator, device=self.device)

    def integers(self, high: int, *size: int) -> Tensor:
        """Uniform over 0 … high - 1, int64."""
        return torch.randint(high, size, generator=self.generator, device=self.device)

    def permutation(self, count: int) -> Tensor:
        """0 … count - 1 in random order, int64."""
        if self.generator is None:
            return torch.empty(count, dtype=torch.int64, device=self.device)
        return torch.randperm(count, generator=self.generator, device=self.device)


def rekey(key: int) -> None:
    """Seed the global generators of torch, random and numpy: dropout and strangers' code draw from them."""
    torch.manual_seed(key)
    random.seed(key)
    np.random.seed(key % 2**32)


@contextmanager
def untouched() -> Iterator[None]:
    """On leaving, the global generators are what they were on entering: a run disturbs nobody else's draws."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
