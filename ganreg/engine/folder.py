"""The folder that a run writes, and the lock that keeps others out of it."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from ganreg.claims import claim, taken
from ganreg.engine.disk import replace, sync, writing
from ganreg.errors import RunFolderError

if TYPE_CHECKING:
    from PIL.Image import Image

SPEED = "speed.jsonl"
PICTURE = re.compile(r"[0-9]{8,}\.png|\.[0-9]{8,}\.png\.tmp")
CHECKPOINT = re.compile(r"[0-9]{8,}|\.[0-9]{8,}\.(?:tmp|gone)")
"""Names of a run's own, of what was cut short too."""
CLOCK = ("seconds", "images_per_second")
"""What each record of speed.jsonl tells; any other tells both or neither."""


class RunFolder:
    """Paths and records of a run.

    log.jsonl holds what the run computed and is the same in every repetition; speed.jsonl what the clock said;
    evaluations.jsonl and evaluations/ what was measured of its checkpoints from outside.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spec = path / "spec.yaml"
        self.lock = path / "lock.json"
        self.launch = path / ".launch"
        self.log = path / "log.jsonl"
        self.speed = path / SPEED
        self.samples = path / "samples"
        self.figures = path / "figures"
        self.checkpoints = path / "checkpoints"
        self.report = path / "report.html"
        self.evaluations = path / "evaluations.jsonl"
        self.evaluated = path / "evaluations"

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Hold the folder for one writer. Raises RunFolderError at once where another process has it.

        The lock belongs to the process: it is free again however the process ends.
        """
        with writing(self.path):
            let_go = claim(self.path)
        if let_go is None:
            raise RunFolderError(taken(self.path))
        try:
            yield
        finally:
            let_go()

    def refuse(self, *, overwrite: bool) -> None:
        """Raise RunFolderError where the folder holds a run already, which is not to be replaced."""
        if any(self._written()) and not (overwrite or self._never_begun()):
            raise RunFolderError(
                f"{self.path} holds a run already: `ganreg resume {self.path}` goes on with it, --overwrite "
                "replaces it, --out takes another folder"
            )

    def start(self, spec: str, lock: Mapping[str, Any], launch: str = "") -> None:
        """Make a claimed folder ready for a new run; what another one wrote, which `refuse` has let go, is removed.

        launch: what its launcher calls this launch, if there is one.
        """
        self.clear()
        for folder in (self.samples, self.checkpoints):
            with writing(folder):
                folder.mkdir(exist_ok=True)
        replace(self.lock, (json.dumps(lock, indent=2) + "\n").encode())
        if launch:
            replace(self.launch, launch.encode())
        replace(self.spec, spec.encode())

    def _never_begun(self) -> bool:
        """Whether this is what `start` leaves where it is cut short: the spec comes last."""
        return self.samples.is_dir() and self.checkpoints.is_dir() and set(self._written()) <= {self.lock, self.launch}

    def _written(self) -> Iterator[Path]:
        """What a run wrote: its records, and pictures and checkpoints by their step."""
        records = (self.spec, self.lock, self.launch, self.log, self.speed, self.evaluations, self.report)
        yield from (path for path in records if path.exists())
        pictures = (*self.samples.glob("*"), *self.figures.glob("*/*"), *self.evaluated.glob("*/*"))
        yield from (path for path in pictures if PICTURE.fullmatch(path.name))
        yield from (path for path in self.checkpoints.glob("*") if CHECKPOINT.fullmatch(path.name))

    def figure(self, name: str, step: int) -> Path:
        """Where a metric's picture of a name stands."""
        return self.figures / figure_name(name, step)

    def sync(self) -> None:
        """Flush the records to the disk, and the names of the pictures: a checkpoint relies on them. Raises OSError."""
        for path in (self.log, self.speed, self.samples, *self.figures.glob("*"), self.figures, self.path):
            sync(path)

    def clear(self) -> None:
        """Remove what a run wrote, and nothing else."""
        for path in list(self._written()):  # the spec first: what is cut short here is no run any more
            with writing(path):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
        for folder in (self.samples, self.checkpoints):
            if not folder.is_dir():
                with writing(folder):
                    folder.unlink(missing_ok=True)
        for folder in (*self.figures.glob("*"), *self.evaluated.glob("*"), self.figures, self.evaluated):
            with suppress(OSError):  # what holds anything else stays
                folder.rmdir()

    def truncate(self, step: int, *, measured: int | None = None) -> list[str]:
        """Forget the records after a step: a resumed run writes them again. Says of each file which lines were none.

        measured: the step after which figures are forgotten, where that is another one.
        """
        figures = step if measured is None else measured
        said = []
        for path in (self.log, self.speed):
            if lines := damaged(path):
                more = f", and {len(lines) - 1} more" if lines[1:] else ""
                said.append(f"line {lines[0]} of {path.name} is damaged{more}")
            found = (r for r in records(path) if r["step"] <= (figures if "metrics" in r else step))
            kept = [json.dumps(record) + "\n" for record in found]
            replace(path, "".join(kept).encode())
        for at, picture in numbered((*self.samples.glob("*.png"), *self.figures.glob("*/*.png"))):
            if at > step:
                with writing(picture):
                    picture.unlink()
        return said


def figure_name(name: str, step: int) -> Path:
    """A metric's picture of a name in any folder of them."""
    plain = re.sub(r"[^\w-]+", "-", name)
    odd = not re.fullmatch(r"[\w./-]+", name)  # another name may look like it
    mark = f"-{sha256(name.encode()).hexdigest()[:6]}" if odd else ""
    return Path(plain + mark, f"{step:08d}.png")


@contextmanager
def opened(picture: Path) -> Iterator[Image]:
    """A picture that a run has written, however large: Pillow refuses what might be a trap."""
    from PIL import Image

    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with Image.open(picture) as image:
            yield image
    finally:
        Image.MAX_IMAGE_PIXELS = before


def numbered(paths: Iterable[Path]) -> list[tuple[int, Path]]:
    """What is named by its step as a run names it, in that order; temporary files are not."""
    return sorted((int(path.stem), path) for path in paths if re.fullmatch(r"[0-9]{8,}", path.stem))


def attempts(log: Path, step: int) -> int:
    """How often a run was rolled back up to a step, as its log tells."""
    return max((record.get("rollback", 0) for record in records(log) if record["step"] <= step), default=0)


def records(path: Path) -> list[dict[str, Any]]:
    """The records of a file, without the lines that are none."""
    return [record for _, record in _lines(path) if record is not None]


def damaged(path: Path) -> list[int]:
    """The numbers, from 1, of the lines of a record file that are no records."""
    return [number for number, record in _lines(path) if record is None]


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Each line's number and its record, None for one that is none.

    The last one is left out where it was cut short, as a crash does; so are empty ones.
    """
    if not path.exists():
        return
    if not path.is_file():
        raise RunFolderError(f"{path} is not a file")
    timed = path.name == SPEED
    *whole, last = path.read_text(encoding="utf-8", errors="replace").split("\n")
    for number, line in enumerate(whole, 1):
        if line.strip():
            yield number, _record(line, timed)
    if (record := _record(last, timed)) is not None:
        yield len(whole) + 1, record


def _record(line: str, timed: bool) -> dict[str, Any] | None:
    try:
        record = json.loads(line, parse_int=_whole)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and type(record.get("step")) is int and _sound(record, timed) else None


def _whole(digits: str) -> int | float:
    """A number of no more bits than its readers take; a larger one is no step, and as a figure like one without end."""
    number = int(digits)
    return number if abs(number) < 2**63 else float(digits)


def _sound(record: Mapping[str, Any], timed: bool) -> bool:
    """Whether what readers count on is there: both readings of a clock, or neither in other files, and figures."""
    clock = [record.get(key) for key in CLOCK]
    read = all(_number(value) and math.isfinite(value) for value in clock) or (not timed and clock == [None, None])
    mappings = [record.get(key, {}) for key in ("losses", "metrics", "protocol")]
    if not (read and all(isinstance(value, dict) for value in mappings)):
        return False
    figures = [value for mapping in mappings[:2] for value in mapping.values()]
    return type(record.get("rollback", 0)) is int and all(value is None or _number(value) for value in figures)


def _number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def free_name(parent: Path, name: str) -> Path:
    """The first of name, name-2, name-3, … that does not exist in a folder."""
    candidate, number = parent / name, 1
    while candidate.exists():
        number += 1
        candidate = parent / f"{name}-{number}"
    return candidate
