"""Let a checkpoint's write fail for want of room, and look at what is left.

Two ways: a limit on the size of a file (RLIMIT_FSIZE), which anybody can set, fails a write in its middle as a full
disk would, with EFBIG in place of ENOSPC; and a small tmpfs that is really full, where one can be mounted.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.crash.compare import toy
from tests.crash.compare.processes import Attempt, killing_itself_at
from tests.crash.compare.trainers import Trainer

ROOMS = (0.25, 0.5, 0.75)
"""How much of what a checkpoint needs there is room for."""
VOLUME = 32 * 2**20


def limited(trainer: Trainer, place: Path) -> dict[str, Any]:
    """The largest file of the second checkpoint does not get as large as it should."""
    begun = begin(trainer, place / "begun")
    largest = max(sizes(trainer.checkpoints(begun)[-1]))
    found = nothing()
    for room in ROOMS:
        folder = place / "limited"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(begun, folder, symlinks=True)
        attempt = Attempt(partial(trainer.train, folder), partial(limit_files, int(room * largest)))
        count(found, trainer, folder, attempt.wait(), lambda: None)
    return found


def full(trainer: Trainer, place: Path) -> dict[str, Any]:
    """The second checkpoint fills the volume that the run is on. Says so where no volume can be mounted."""
    found = nothing()
    for room in ROOMS:
        with volume(place / "volume") as mounted:
            if not mounted:
                return {"not measured": "no tmpfs can be mounted"}
            folder = begin(trainer, place / "volume" / "run")
            ballast = place / "volume" / "ballast"
            fill(ballast, int(room * sum(sizes(trainer.checkpoints(folder)[-1]))))
            code = Attempt(partial(trainer.train, folder)).wait()
            count(found, trainer, folder, code, ballast.unlink)
    return found


def nothing() -> dict[str, Any]:
    """What is counted, before anything was."""
    return {"tried": 0, "exit codes": [], "broken checkpoint left": 0, "old one loads": 0, "then resumes": 0}


def count(
    found: dict[str, Any], trainer: Trainer, folder: Path, code: int | None, make_room: Callable[[], None]
) -> None:
    """Look at what a failed write left; then make room and resume."""
    whole = [trainer.loads(path) for path in trainer.checkpoints(folder)]
    found["tried"] += 1
    found["exit codes"] = sorted({*found["exit codes"], code})
    found["broken checkpoint left"] += not all(whole)
    found["old one loads"] += any(whole)
    make_room()
    found["then resumes"] += Attempt(partial(trainer.train, folder)).wait() == 0


def begin(trainer: Trainer, folder: Path) -> Path:
    """A run that was killed between its first checkpoint and its second."""
    Attempt(partial(trainer.train, folder), killing_itself_at(toy.EVERY + toy.EVERY // 2)).wait()
    return folder


def sizes(checkpoint: Path) -> list[int]:
    """The sizes of a checkpoint's files."""
    files = [path for path in checkpoint.rglob("*") if path.is_file()] or [checkpoint]
    return [path.stat().st_size for path in files]


def limit_files(size: int) -> None:
    """No file of this process grows beyond this; the write raises OSError."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@contextmanager
def volume(folder: Path) -> Iterator[bool]:
    """A small tmpfs; False where this user may not mount one."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={VOLUME}", "tmpfs", str(folder)]
    mounted = shutil.which("mount") is not None and subprocess.run(command, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def fill(ballast: Path, room: int) -> None:
    """Take all of the volume but so many bytes."""
    free = os.statvfs(ballast.parent)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - room)
