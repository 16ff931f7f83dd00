"""`python -m ganreg.cli.cell`: `python -m ganreg` for a cell of a sweep, which ends with whoever began it.

Its standard input is a pipe that nobody writes into, and that closes when the other end dies, however it does.
"""

from __future__ import annotations

import os
import signal
import sys
from threading import Thread

from ganreg.cli import main


def _end_with(pipe: int) -> None:
    """Ask this process to save and stop once a pipe is closed."""
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    lifeline = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # what asks for input finds its end, and does not wait
    Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    sys.exit(main())
