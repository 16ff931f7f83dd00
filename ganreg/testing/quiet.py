"""What a check leaves of this process: nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ganreg.rng import rekey, untouched


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, the global generators start from a fixed seed, and one thread computes: sums come out the same.

    On leaving, generators and threads are what they were.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with untouched(), torch.enable_grad():
            rekey(0)
            yield
    finally:
        torch.set_num_threads(threads)
