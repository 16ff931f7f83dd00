"""The global random generators of torch, numpy and Python, from which strangers' code draws."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from ganreg.seeds import derive


@contextmanager
def keyed(seed: int, *purpose: str | int) -> Iterator[None]:
    """Within, the global generators start from a key alone; on leaving, they are what they were on entering."""
    with untouched():
        rekey(derive(seed, *purpose))
        yield


def rekey(key: int) -> None:
    """Seed the global generators: dropout draws from them, and so does whoever knows no others."""
    # torch.manual_seed takes down a stack trace, and keeps it, for each kind of device that has not begun to be used.
    torch.default_generator.manual_seed(key)
    for device in (torch.cuda, torch.xpu):
        if device.is_initialized():
            device.manual_seed_all(key)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(key)
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
