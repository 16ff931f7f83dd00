"""Ctrl-C and SIGTERM during a training: the first asks the loop to stop, the second ends the process at once."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from threading import Thread
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from ganreg import processes

if TYPE_CHECKING:
    from ganreg.engine.loop import Stop

SIGNALS = (signal.SIGINT, signal.SIGTERM)
ECHO = 2.0
"""Seconds in which a launcher may pass on to its processes what they were told already."""
SHOW_CURSOR = b"\x1b[?25h"


class Signals:
    """Handles signals from the moment that the training starts until its context is left.

    It starts as an observer: before the first step there is nothing to save, and signals do what they always do.

    Python runs a handler only between two of its own instructions, and one call of torch may take seconds. So the
    signals are heard in a thread, from the pipe that Python writes them to at once.
    """

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._first = 0.0
        self._previous: dict[int, Any] = {}
        self._ears: Thread | None = None
        self._pipe = (-1, -1)

    def __enter__(self) -> Signals:
        return self

    def started(self, folder: Path, spec: Any) -> None:
        """The training begins."""
        self._pipe = os.pipe()
        if os.name == "posix":  # which is where Python asks for it
            os.set_blocking(self._pipe[1], False)
        self._ears = Thread(target=self._listen, name="signals", daemon=True)
        self._ears.start()
        signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        self._previous = {number: signal.signal(number, _pass) for number in SIGNALS}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ears is None:
            return
        # What one of several was told, their launcher tells all of them once more while they end.
        echoes = processes.size() > 1 and self._stop.signal_number is not None
        for number, handler in self._previous.items():
            signal.signal(number, signal.SIG_IGN if echoes else handler)
        signal.set_wakeup_fd(-1)
        os.close(self._pipe[1])
        self._ears.join()
        os.close(self._pipe[0])

    def _listen(self) -> None:
        while heard := os.read(self._pipe[0], 1):
            if heard[0] in SIGNALS:
                self._hear(heard[0])

    def _hear(self, number: int) -> None:
        if self._stop.signal_number is None:
            self._stop.signal_number = number
            self._first = time.monotonic()
            if processes.rank() == 0:
                os.write(2, b"\nstopping after this step, and saving; once more stops at once\n")
            return
        if processes.size() > 1 and time.monotonic() - self._first < ECHO:
            return
        if sys.stderr.isatty():
            os.write(2, SHOW_CURSOR)
        os._exit(128 + number)


def _pass(number: int, frame: FrameType | None) -> None:
    """Instead of what Python would do: the thread has heard it."""
