"""Ctrl-C and SIGTERM during a training: the first asks the loop to stop, the second stops at once."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganreg.engine.loop import Stop

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SHOW_CURSOR = "\x1b[?25h"


class Signals:
    """Handles signals from the moment that the training starts until its context is left.

    It starts as an observer: before the first step there is nothing to save, and signals do what they always do.
    """

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._previous: dict[signal.Signals, Any] = {}

    def started(self, folder: Path, spec: Any) -> None:
        """The training begins."""
        self._previous = {number: signal.signal(number, self._handle) for number in SIGNALS}

    def __enter__(self) -> Signals:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        # The handler may run in the middle of a write to sys.stderr, which cannot be entered twice: os.write can.
        if self._stop.signal_number is None:
            self._stop.signal_number = number
            os.write(2, b"\nstopping after this step, and saving; once more stops at once\n")
            return
        if sys.stderr.isatty():
            os.write(2, SHOW_CURSOR.encode())
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
