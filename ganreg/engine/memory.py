"""What a step frees is there for the next one, and goes when the last one is over."""

from __future__ import annotations

import ctypes
from typing import Any

LEARNT = 32 * 2**20 - 2**16
"""Bytes, a little less than the most that glibc's malloc learns from."""


def keep_freed() -> None:
    """Have the C library keep what tensors free, for the next ones.

    Each step of a training makes and frees the same tensors. Of itself glibc gives the larger ones back to the system,
    which hands out new pages, filled with zeros, a moment later: up to a quarter of a step on a CPU. How much it keeps
    it learns from the largest block that it has seen freed (M_MMAP_THRESHOLD in mallopt(3)): it is shown one, of which
    no page is touched. Where a variable such as MALLOC_MMAP_THRESHOLD_ says what to keep, glibc learns nothing.
    """
    bytes(LEARNT)


def give_back() -> None:
    """Let the C library give back what it has kept."""
    try:
        trim: Any = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return  # it is not glibc
    trim(0)
