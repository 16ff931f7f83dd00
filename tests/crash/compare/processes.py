"""One attempt at training: a forked process, whose steps can be watched and which can be killed."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable

from tests.crash.compare import toy


class Attempt:
    """A process that trains; forked, so that none pays for importing a library.

    prepare: called in the process before it trains. show: let it print.
    """

    show = False

    def __init__(self, train: Callable[[], int], prepare: Callable[[], None] = lambda: None) -> None:
        self.steps = 0
        self._reading, self._writing = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            self._live(train, prepare)
        os.close(self._writing)

    def _live(self, train: Callable[[], int], prepare: Callable[[], None]) -> None:
        code = 1
        try:
            if not self.show:
                silent = os.open(os.devnull, os.O_WRONLY)
                os.dup2(silent, 1)
                os.dup2(silent, 2)
            toy.faults.told = self._tell
            prepare()
            code = train()
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)

    def _tell(self, step: int) -> None:
        os.write(self._writing, b".")

    def watch(self) -> list[float]:
        """When each step began; waits until the process has ended."""
        times = []
        while self.step():
            times.append(time.monotonic())
        return times

    def step(self) -> bool:
        """Wait for the next step; whether there was one before the process ended."""
        taken = os.read(self._reading, 1) != b""
        self.steps += taken
        return taken

    def kill(self) -> None:
        """As the kernel would when memory runs out."""
        os.kill(self._pid, signal.SIGKILL)

    def wait(self) -> int | None:
        """The exit code, or None where the process was killed."""
        self.watch()
        os.close(self._reading)
        _, status = os.waitpid(self._pid, 0)
        return None if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)


def killing_itself_at(step: int) -> Callable[[], None]:
    """Prepare an attempt that is killed when it begins a step."""

    def prepare() -> None:
        tell = toy.faults.told

        def told(number: int) -> None:
            tell(number)
            if number == step:
                os.kill(os.getpid(), signal.SIGKILL)

        toy.faults.told = told

    return prepare
