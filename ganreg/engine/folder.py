"""The folder that a run writes, and the lock that keeps others out of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ganreg.errors import RunFolderError

WRITTEN = ("spec.yaml", "lock.json", "log.jsonl", "speed.jsonl", "report.html", "samples", "checkpoints")


class RunFolder:
    """Paths and records of a run.

    log.jsonl holds what the run computed and is the same in every repetition; speed.jsonl what the clock said.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spec = path / "spec.yaml"
        self.lock = path / "lock.json"
        self.log = path / "log.jsonl"
        self.speed = path / "speed.jsonl"
        self.samples = path / "samples"
        self.checkpoints = path / "checkpoints"
        self.report = path / "report.html"

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Hold the folder for one writer. Raises RunFolderError at once where another process has it.

        The lock belongs to the process: it is free again however the process ends.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / ".lock")
            lock.acquire(timeout=0)
        except Timeout:
            raise RunFolderError(f"{self.path} is being written by another process") from None
        except OSError as error:
            raise RunFolderError(f"cannot write to {self.path}: {error.strerror or error}") from error
        try:
            yield
        finally:
            lock.release()

    def start(self, spec: str, lock: Mapping[str, Any], *, overwrite: bool) -> None:
        """Make a claimed folder ready for a new run. Raises RunFolderError where it holds one already."""
        if any((self.path / name).exists() for name in WRITTEN):
            if not overwrite:
                raise RunFolderError(
                    f"{self.path} holds a run already: `ganreg resume {self.path}` goes on with it, --overwrite "
                    "replaces it, --out takes another folder"
                )
            self.clear()
        self.samples.mkdir()
        self.checkpoints.mkdir()
        self.lock.write_text(json.dumps(lock, indent=2) + "\n", encoding="utf-8")
        self.spec.write_text(spec, encoding="utf-8")

    def clear(self) -> None:
        """Remove what a run wrote, and nothing else."""
        for name in WRITTEN:
            path = self.path / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def truncate(self, step: int) -> None:
        """Forget the records after a step: a resumed run writes them again."""
        for path in (self.log, self.speed):
            kept = [json.dumps(record) + "\n" for record in records(path) if record["step"] <= step]
            temporary = path.with_suffix(".tmp")
            temporary.write_text("".join(kept), encoding="utf-8")
            temporary.replace(path)
        for picture in self.samples.glob("*.png"):
            if picture.stem.isdigit() and int(picture.stem) > step:
                picture.unlink()


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Add one line to a record file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def records(path: Path) -> list[dict[str, Any]]:
    """The lines of a record file; a last line that a crash cut short is left out."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found


def free_name(parent: Path, name: str) -> Path:
    """The first of name, name-2, name-3, … that does not exist in a folder."""
    candidate, number = parent / name, 1
    while candidate.exists():
        number += 1
        candidate = parent / f"{name}-{number}"
    return candidate
