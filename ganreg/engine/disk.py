"""Writing files of a run: each is whole under its name or not there, and a full disk can be waited for."""

from __future__ import annotations

import errno
import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from ganreg.errors import GanregError, RunFolderError

Result = TypeVar("Result")
NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
CHUNK = 2**20
"""Bytes that are read between two rests."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds between two looks for room, at first and in the end."""


def replace(path: Path, content: bytes) -> None:
    """Put a file under its name in one move, flushed to the disk. Raises RunFolderError where it cannot be written."""
    temporary = path.with_name(f".{path.name}.tmp")
    with writing(path):
        try:
            create(temporary, content)
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Add a line of JSON to a file, all of it or nothing. Raises RunFolderError where it cannot be written.

    A float that is not finite becomes null, since JSON has no other word for it.
    """
    rest = f"{json.dumps(strict(record), allow_nan=False)}\n".encode()
    with writing(path), path.open("ab", buffering=0) as file:
        size = file.tell()
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except OSError:
            file.truncate(size)
            raise


def create(path: Path, content: bytes) -> None:
    """Write a file and flush it to the disk. Raises OSError."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def flush(path: Path, rest: Callable[[], object]) -> str:
    """Flush a file to the disk, and tell its sha256. Raises OSError.

    That it could not be flushed is no lack of room that can be waited for: what the disk did not take is lost, and the
    next attempt would succeed without it. rest: is called after every chunk that was read.
    """
    digest = sha256()
    with path.open("rb+") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            rest()
        try:
            os.fsync(file.fileno())
        except OSError as error:
            raise OSError(errno.EIO, f"{error.strerror}, found while it was flushed") from error
    return digest.hexdigest()


def sync(path: Path) -> None:
    """Flush a file, or the names in a folder, to the disk; nothing where it does not exist. Raises OSError."""
    if os.name != "posix" and path.is_dir():
        return
    with suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Within, an OSError becomes a RunFolderError that names the file and the reason."""
    try:
        yield
    except OSError as error:
        raise RunFolderError(f"cannot write {path}: {error.strerror or error}") from error


class Patience:
    """Waits for room on a full disk, where the spec says so.

    say: hears once that a wait begins, and once that it has ended. stopped: ends the wait with the disk's error.
    """

    def __init__(self, waits: bool, say: Callable[[str], None], stopped: Callable[[], bool]) -> None:
        self._waits = waits
        self._say = say
        self._stopped = stopped

    def __call__(self, write: Callable[[], Result]) -> Result:
        """Do what writes, again and again until there is room for it."""
        pause, waited = SHORTEST_PAUSE, False
        while True:
            try:
                result = write()
            except GanregError as error:
                if not (self._waits and _no_room(error)) or self._stopped():
                    raise
                if not waited:
                    self._say(f"{error}; waiting for room")
                waited = True
            else:
                if waited:
                    self._say("there is room again")
                return result
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def _no_room(error: GanregError) -> bool:
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in NO_ROOM


def strict(value: Any) -> Any:
    """A value that JSON has words for: a float that is not finite becomes null."""
    if isinstance(value, Mapping):
        return {key: strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [strict(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
