"""What a process that is ganreg's own does with the memory that it has freed; glibc alone is told."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganreg.api import Run

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1
"""Parameters of glibc's mallopt(3)."""
LARGEST = 32 * 2**20
"""Bytes from which on an allocation is a mapping of its own; glibc takes no more."""
CHOSEN = ("GLIBC_TUNABLES", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_")
"""Variables by which a user has settled it."""


def keep_freed_memory() -> None:
    """Let the C library keep what tensors have freed, for the next ones.

    Each step of a training makes and frees the same tensors. Of itself glibc gives the larger ones back to the system,
    which hands out new pages, filled with zeros, a moment later: a tenth of a step on a CPU. The peak is as it was.
    """
    mallopt = _glibc("mallopt")
    if mallopt and not any(name in os.environ for name in CHOSEN):
        mallopt(MMAP_THRESHOLD, LARGEST)
        mallopt(TRIM_THRESHOLD, 2**31 - 1)


def give_back() -> None:
    """Let the C library give back what it has kept."""
    if trim := _glibc("malloc_trim"):
        trim(0)


class Tidy:
    """An observer that gives the memory of the steps back at the end, before the report needs some of its own.

    So it does with gradients and with what optimizers remember: the last checkpoint has what is to be kept of it.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def finished(self, step: int) -> None:
        """The run has ended."""
        if self._run.training:
            match = self._run.training.match
            for player in map(match.player, match.players):
                player.forget_gradients()
                player.optimizer.state.clear()
        give_back()


def _glibc(name: str) -> Any:
    """A function of glibc's; None where there is none."""
    try:
        return getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):
        return None
