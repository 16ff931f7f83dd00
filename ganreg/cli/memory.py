"""What a process that is ganreg's own gives back when the steps are over."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganreg.api import Run


def give_back() -> None:
    """Let the C library give back what it has kept."""
    try:
        trim: Any = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return  # it is not glibc
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
