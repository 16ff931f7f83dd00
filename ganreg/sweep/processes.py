"""Commands run on this machine, so many at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Protocol

from ganreg.errors import shortened

PROGRESS = ("training into ", "step ", "going on from step ")
"""Beginnings of lines that tell of no error."""
BEAT = 0.5
"""Seconds between two looks at a process."""
NOW = "now"
"""What stands in the file that ends a process without saving."""
MOST = 4_000
"""Characters of an error that are kept."""


@dataclass(frozen=True)
class Job:
    """A command line of ganreg, without its name.

    log: the file that takes what it says. stop: the file that stops it once it is there.
    """

    name: str
    arguments: Sequence[str]
    log: Path
    stop: Path
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Outcome:
    """What became of a job. error: its last words, where it failed."""

    exit_code: int
    seconds: float
    error: str = ""


class Executor(Protocol):
    """Where jobs run: here, or elsewhere."""

    def submit(self, job: Job) -> Future[Outcome | None]:
        """Run a job when there is room; None for one that was not begun before `stop`."""

    def running(self) -> list[str]:
        """The names of the jobs that are under way, as far as that is known."""

    def stop(self, *, now: bool = False) -> None:
        """Begin no more jobs, and ask those that are under way to save and stop; `now`: end them at once."""

    def close(self) -> None:
        """Leave nothing behind."""


def execute(job: Job, begun: dict[str, subprocess.Popen[bytes]], stopped: Event) -> Outcome:
    """Run a job to its end. begun: takes its process, for others to signal. stopped: that they did so before that."""
    start = time.monotonic()
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with (
        job.log.open("wb") as log,
        subprocess.Popen(
            # Not what stands in the current folder, which may be called as a module is.
            [sys.executable, "-P", "-m", "ganreg.cli.cell", *job.arguments],
            stdin=subprocess.PIPE,  # it closes where this process is killed, and the cell stops
            stdout=subprocess.DEVNULL,
            stderr=log,
            env={**os.environ, **job.environment},
            # Ctrl-C reaches the sweep alone, which then asks each process once: twice would end it unsaved.
            start_new_session=True,
        ) as process,
    ):
        begun[job.name] = process
        if stopped.is_set():
            process.terminate()
        try:
            code = _ended(process, job.stop)
        finally:
            begun.pop(job.name, None)
    return Outcome(code, round(time.monotonic() - start, 1), _last_words(job.log, code) if code else "")


def _ended(process: subprocess.Popen[bytes], stop: Path) -> int:
    """The exit code, in the end. Once there is a file the process is asked to save and stop, or ended if it says so."""
    asked = False
    while True:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(BEAT)
        if stop.exists():
            if stop.read_text(encoding="utf-8") == NOW:
                process.kill()
            elif not asked:
                process.terminate()
                asked = True


def _last_words(log: Path, code: int) -> str:
    """What a job said of its error."""
    if code < 0:
        return f"ended by {signal.Signals(-code).name}{', as a machine without memory does' if code == -9 else ''}"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    last = max((index for index, line in enumerate(lines) if line.startswith(PROGRESS)), default=-1)
    words = "\n".join(line for line in lines[last + 1 :] if line.strip())
    return shortened(words.removeprefix("error: "), MOST) or f"exit code {code}"


class Processes:
    """Jobs as processes of this machine, so many at a time."""

    def __init__(self, jobs: int) -> None:
        self._threads = ThreadPoolExecutor(jobs, "cell")
        self._begun: dict[str, subprocess.Popen[bytes]] = {}
        self._stopped = Event()

    def submit(self, job: Job) -> Future[Outcome | None]:
        """Run a job when there is room."""
        return self._threads.submit(self._execute, job)

    def _execute(self, job: Job) -> Outcome | None:
        return None if self._stopped.is_set() else execute(job, self._begun, self._stopped)

    def running(self) -> list[str]:
        """The names of the jobs that are under way."""
        return list(self._begun)

    def stop(self, *, now: bool = False) -> None:
        """SIGTERM, upon which a run saves; SIGKILL at once."""
        self._stopped.set()
        for process in list(self._begun.values()):
            process.kill() if now else process.terminate()

    def close(self) -> None:
        """Wait for the threads, whose processes have ended."""
        self._threads.shutdown()
