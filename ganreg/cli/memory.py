"""What a process that is ganreg's own lets go of when the steps are over."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ganreg.api import Run


class Tidy:
    """An observer that lets go of what optimizers remember: the last checkpoint has what is to be kept of it.

    The report needs memory of its own then.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def finished(self, step: int) -> None:
        """The run has ended."""
        if self._run.training:
            match = self._run.training.match
            for player in map(match.player, match.players):
                player.optimizer.state.clear()
