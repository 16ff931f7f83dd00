"""The pulse of a run's processes: who has ended without a word is missed by the others, and named.

A process that waits for one that is gone would wait for ever, or fail in words that name nobody.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Any

from ganreg.errors import ProcessError

BEAT = 0.5
"""Seconds between two beats."""
MISSED = 2.5
"""Seconds after which a process without a beat is missed by one that has trouble with it."""
GONE = 7.0
"""Seconds after which it is missed by all on its machine, if it is there no more: they end, whatever they wait for."""
FAR = 120.0
"""Seconds after which it is missed by all elsewhere: Python beats for nobody while a long call keeps it to itself."""
FINISHED, FAILED = "finished", "failed"
STORELESS = "the launcher of this run has ended"


class Pulse:
    """Beats in a thread of its own, and listens for the others.

    store: where beats are left; torch's.
    """

    def __init__(self, store: Any, rank: int, size: int) -> None:
        self._store = store
        self._rank = rank
        self._size = size
        self._over = Event()
        self._heard = {other: ("", time.monotonic()) for other in range(size) if other != rank}
        self._machine = socket.gethostname()
        store.set(f"{rank}/place", f"{os.getpid()} {self._machine}")
        store.set(f"{rank}/beat", "0")
        self._thread = Thread(target=self._beat, name="pulse", daemon=True)

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()
        self._thread.join()
        with suppress(RuntimeError):  # of a launcher that has ended, and the store with it: nobody listens
            self._store.set(f"{self._rank}/beat", FINISHED if error is None else FAILED)

    def leave(self) -> None:
        """Beat no more, and end for nobody: this process has something to say of its own before it ends."""
        self._over.set()

    def lost(self) -> str | None:
        """Whom this process, which cannot go on, has lost, in words, once it is known; None where all are there."""
        end = time.monotonic() + GONE
        try:
            while not (gone := self._missed(MISSED, MISSED)) and time.monotonic() < end:
                time.sleep(BEAT / 2)
        except RuntimeError:  # of a store that is gone
            return STORELESS
        return self._sentence(gone) if gone else None

    def _beat(self) -> None:
        count = 0
        try:
            while not self._over.wait(BEAT):
                count += 1
                self._store.set(f"{self._rank}/beat", str(count))
                self._listen()
                if gone := self._missed(GONE, FAR):
                    self._store.set("lost", self._sentence(gone))
                if self._store.check(["lost"]):  # by others, too, who are nearer
                    self._end(self._store.get("lost").decode())
        except RuntimeError:  # of a store that is gone with the launcher
            if not self._over.wait(GONE):
                self._end(STORELESS)

    def _listen(self) -> None:
        now = time.monotonic()
        for other, (before, _) in list(self._heard.items()):
            key = f"{other}/beat"
            beat = self._store.get(key).decode() if self._store.check([key]) else before
            if beat != before or beat == FINISHED:
                self._heard[other] = (beat, now)

    def _missed(self, near: float, far: float) -> list[int]:
        """Who has been silent for so many seconds on this machine, and is not there, or for so many on another one."""
        silent = {other: time.monotonic() - heard for other, (_, heard) in self._heard.items()}
        return [other for other, seconds in silent.items() if seconds > near and self._gone(other, seconds > far)]

    def _gone(self, other: int, long: bool) -> bool:
        pid, machine = self._place(other)
        told = self._heard[other][0] == FAILED
        return told or (long if machine != self._machine else not _runs(pid))

    def _place(self, other: int) -> tuple[int, str]:
        """The number of a process and its machine; 0 where it has not told them."""
        key = f"{other}/place"
        pid, _, machine = (self._store.get(key).decode() if self._store.check([key]) else "0").partition(" ")
        return int(pid), machine

    def _sentence(self, gone: list[int]) -> str:
        names = []
        for other in gone:
            pid, machine = self._place(other)
            names.append(f"process {other} of {self._size}" + (f" (pid {pid} on {machine})" if pid else ""))
        return f"{' and '.join(names)} ended before the run did"

    def _end(self, sentence: str) -> None:
        """End this process, which may be waiting inside of a call that nothing else ends."""
        os.write(2, f"\nerror: {sentence}\n".encode())
        os._exit(ProcessError.exit_code)


def _runs(pid: int) -> bool:
    """Whether a process of this machine is there; one that has ended and waits to be asked how is not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except OSError:  # of another user, or a system without these files
        return True
    return state not in "ZX"
