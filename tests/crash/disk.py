"""Fill the disk, or make it read-only, at each write of a run in turn, and look at what it leaves.

    python -m tests.crash.disk

A fault is an error of the operating system at one file operation inside the run's folder and all that follow. The run
must end with one message and leave nothing partial, and go on bit-identically once there is room; or, where the spec
says `disk_full: wait`, wait for room and go on by itself.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from PIL import Image

from ganreg.engine.checkpoints import read
from tests.crash.campaign import arguments, at_operations, attempt, compare, compose, run_and_wait

SCENARIO = "feedback state (ADA)"
FULL = {"open", "os.rename", "os.mkdir"}
"""Operations that need room: a full disk takes removals, a read-only one nothing."""
WAITED = 3
"""Operations that find no room before there is some again."""


def failing(folder: Path, first: int, code: int, count: float, reached: Path) -> Callable[[], None]:
    """Arm an error of the operating system at `count` operations from the n-th on; `reached` then exists."""
    failed = 0

    def blow(seen: int, event: str) -> None:
        nonlocal failed
        if seen >= first and failed < count and (code != errno.ENOSPC or event in FULL):
            failed += 1
            os.close(os.open(reached, os.O_CREAT | os.O_WRONLY))
            raise OSError(code, os.strerror(code))

    return at_operations(folder, blow)


def partial(folder: Path) -> Iterator[str]:
    """What is not whole under its final name in a run's folder."""
    for path in folder.rglob("*"):
        if path.name.startswith(".") or any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        try:
            if path.suffix == ".png":
                Image.open(path).load()
            elif path.suffix == ".jsonl":
                [json.loads(line) for line in path.read_text().splitlines()]
                assert not path.stat().st_size or path.read_text().endswith("\n")
            elif path.name == "lock.json":
                json.loads(path.read_text())
            elif path.parent.name == "checkpoints":
                read(path)
            elif path.name == "report.html":
                assert path.read_text().rstrip().endswith("</html>")
        except Exception as error:
            yield f"{path.relative_to(folder)} is partial: {error}"


class Trial:
    """A run whose disk fails at one operation, and the same run where nothing failed."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.folder = place / "failing"
        run_and_wait(["run", *arguments(compose(SCENARIO, place / "whole"), place)])
        self.begin = ["run", *arguments(compose(SCENARIO, self.folder), place)]
        self.errors = place / "stderr"
        self.reached = place / "reached"

    def stops(self, operation: int, code: int) -> list[str] | None:
        """What is wrong after a fault that stays, and after going on without it; None where none was reached."""
        status = self._attempt(self.begin, failing(self.folder, operation, code, float("inf"), self.reached))
        if not self.reached.exists():
            return None
        found = list(partial(self.folder))
        text = self.errors.read_text()
        messages = [line for line in text.splitlines() if line.startswith("error: ")]
        if status not in (6, 8) or len(messages) != 1 or os.strerror(code) not in messages[0] or "Traceback" in text:
            found.append(f"exit code {status} with {text[-300:]!r}")
        started = (self.folder / "spec.yaml").exists()
        status = self._attempt(["resume", str(self.folder)] if started else self.begin, lambda: None)
        return found + self._ended(status)

    def waits(self, operation: int) -> list[str] | None:
        """What is wrong with a run that waits for room; None where its disk was never full."""
        waiting = [*self.begin, "--set", "output.disk_full=wait"]
        status = self._attempt(waiting, failing(self.folder, operation, errno.ENOSPC, WAITED, self.reached))
        return self._ended(status) if self.reached.exists() else None

    def _attempt(self, command: list[str], arm: Callable[[], None]) -> int | None:
        self.reached.unlink(missing_ok=True)
        if command[0] == "run":
            shutil.rmtree(self.folder, ignore_errors=True)
        return attempt(command, arm, str(self.errors))

    def _ended(self, status: int | None) -> list[str]:
        if status != 0:
            return [f"then exit code {status} with {self.errors.read_text()[-300:]!r}"]
        return compare(self.place / "whole", self.folder)

    def training_begins(self) -> int:
        """The number of the first operation after the folder was made ready, which has nobody to wait for it."""
        return self._numbers(lambda event: (self.folder / "spec.yaml").exists())[0]

    def numbers(self, event: str) -> list[int]:
        """The operations of a whole run that are an event."""
        return self._numbers(lambda met: met == event)

    def _numbers(self, wanted: Callable[[str], bool]) -> list[int]:
        """The operations of a whole run that are wanted, by their event and what is there when they come."""
        log = self.place / "operations"
        log.write_text("")

        def blow(number: int, met: str) -> None:
            if wanted(met):
                with log.open("a") as file:
                    file.write(f"{number}\n")

        self._attempt(self.begin, at_operations(self.folder, blow))
        return [int(line) for line in log.read_text().splitlines()]


@click.command()
@click.option("--every", default=1, show_default=True, help="Try each so many-th operation.")
def main(every: int) -> None:
    """Let the disk fail at each write of a run in turn."""
    failed = 0
    with tempfile.TemporaryDirectory() as place:
        trial = Trial(Path(place))
        cases: list[tuple[str, int, Callable[[int], list[str] | None]]] = [
            ("full, and stops", 1, lambda n: trial.stops(n, errno.ENOSPC)),
            ("read-only, and stops", 1, lambda n: trial.stops(n, errno.EROFS)),
            ("full, and waits", trial.training_begins(), trial.waits),
        ]
        for name, first, case in cases:
            started, wrong, operation = time.perf_counter(), list[str](), first
            while (found := case(operation)) is not None:
                wrong += [f"operation {operation}: {what}" for what in found]
                operation += every
            faults = -(-(operation - first) // every)
            failed += len(wrong) + (faults == 0)
            click.echo(
                f"{name:<22} {faults:>4} faults  {time.perf_counter() - started:6.1f} s  {'; '.join(wrong) or 'ok'}"
            )
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
