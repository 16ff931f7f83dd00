"""The pulse of a run's processes: who has ended without a word is missed by the others, and named.

A process that waits for one that is gone would wait for ever, or fail in words that name nobody.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from threading import Event, Thread
from types import TracebackType
from typing import Any

from ganreg.errors import ProcessError

BEAT = 0.5
"""Seconds between two beats."""
MISSED = 2.5
"""Seconds after which a process without a beat is missed by one that has trouble with it."""
GONE = 7.0
"""Seconds after which it is missed by all: they end, whatever they wait for."""
FINISHED = "finished"


class Pulse:
    """Beats in a thread of its own, and listens for the others.

    store: where beats are left; torch's. name: of this process, in words.
    """

    def __init__(self, store: Any, rank: int, size: int, name: str) -> None:
        self._store = store
        self._rank = rank
        self._size = size
        self._over = Event()
        self._heard = {other: ("", time.monotonic()) for other in range(size) if other != rank}
        store.set(f"{rank}/name", name)
        store.set(f"{rank}/beat", "0")
        self._thread = Thread(target=self._beat, name="pulse", daemon=True)

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if error is None:
            with suppress(RuntimeError):  # of a launcher that has ended, and the store with it: nobody listens
                self._store.set(f"{self._rank}/beat", FINISHED)

    def lost(self) -> str:
        """Whom this process has lost, in words, once it is known."""
        end = time.monotonic() + GONE
        while not (gone := self._missed(MISSED)) and time.monotonic() < end:
            time.sleep(BEAT / 2)
        return self._sentence(gone)

    def _beat(self) -> None:
        count = 0
        try:
            while not self._over.wait(BEAT):
                count += 1
                self._store.set(f"{self._rank}/beat", str(count))
                self._listen()
                if gone := self._missed(GONE):
                    self._end(self._sentence(gone))
        except RuntimeError:  # of a store that is gone with the launcher
            if not self._over.wait(GONE):
                self._end("the launcher of this run has ended")

    def _listen(self) -> None:
        now = time.monotonic()
        for other, (before, _) in list(self._heard.items()):
            key = f"{other}/beat"
            beat = self._store.get(key).decode() if self._store.check([key]) else before
            if beat != before or beat == FINISHED:
                self._heard[other] = (beat, now)

    def _missed(self, seconds: float) -> list[int]:
        now = time.monotonic()
        return [other for other, (_, heard) in self._heard.items() if now - heard > seconds]

    def _sentence(self, gone: list[int]) -> str:
        if not gone:
            return "another process of this run has failed"
        names = [
            self._store.get(f"{other}/name").decode() if self._named(other) else f"process {other}" for other in gone
        ]
        return f"{' and '.join(names)} ended before the run did"

    def _named(self, other: int) -> bool:
        return bool(self._store.check([f"{other}/name"]))

    def _end(self, sentence: str) -> None:
        """End this process, which may be waiting inside of a call that nothing else ends."""
        os.write(2, f"\nerror: {sentence}\n".encode())
        os._exit(ProcessError.exit_code)
