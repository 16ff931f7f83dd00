"""Checkpoints that are written beside the training."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Event
from typing import Any

from ganreg.engine.checkpoints import Checkpoints
from ganreg.engine.disk import Patience
from ganreg.engine.folder import RunFolder

REST = 2.0
"""Seconds that the thread rests for each that it works: what is left of the processor is the training's."""


class Saver:
    """Gives the state to the system at once, and sees to it in a thread that it reaches the disk and is verified.

    One checkpoint at a time. What goes wrong in the thread is raised by the next call: at the next checkpoint, or at
    the end of the run.
    """

    def __init__(self, folder: RunFolder, checkpoints: Checkpoints, patience: Patience) -> None:
        self._folder = folder
        self._checkpoints = checkpoints
        self._patience = patience
        self._thread = ThreadPoolExecutor(1, "checkpoint")
        self._writing: Future[None] | None = None
        self._awaited = Event()

    def save(self, state: Mapping[str, Any], *, spare: int | None = None) -> None:
        """Begin a checkpoint. Raises CheckpointError where it cannot be, or the one before could not be completed.

        spare: a step whose checkpoint stays.
        """
        self.settle()
        step = self._patience(partial(self._checkpoints.draft, state))
        self._writing = self._thread.submit(self._complete, step, spare)

    def settle(self) -> None:
        """Wait until the checkpoint that was begun is written. Raises CheckpointError where it could not be."""
        writing, self._writing = self._writing, None
        if writing:
            self._awaited.set()
            try:
                writing.result()
            finally:
                self._awaited.clear()

    def _complete(self, step: int, spare: int | None) -> None:
        def write() -> None:
            self._folder.sync()
            self._checkpoints.complete(step, Pace(self._awaited), spare=spare)

        try:
            self._patience(write)
        except BaseException:
            self._checkpoints.tidy()
            raise


class Pace:
    """Rests in proportion to the work of the thread since the last rest, until somebody waits for it."""

    def __init__(self, awaited: Event) -> None:
        self._awaited = awaited
        self._worked = time.thread_time()

    def __call__(self) -> None:
        """Rest as long as the last piece of work asks."""
        self._awaited.wait(REST * (time.thread_time() - self._worked))
        self._worked = time.thread_time()
