"""The claim of a folder by one process, which is free again however the process ends.

It imports next to nothing, so that of many starts in one folder all but one have ended before anything takes time.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from _thread import get_ident
from collections.abc import Callable
from functools import partial

LOCK = ".lock"
CONTENDED = {errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK}
WITHOUT_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}

Place = tuple[int, int, int]

_descriptors: dict[Place, list[int]] = {}
"""By device, inode and thread: one for each time that it was claimed, of which the first holds the lock."""


def taken(folder: str | os.PathLike[str]) -> str:
    """What is said of a folder that another process has."""
    return f"{folder} is being written by another process"


def claim(folder: str | os.PathLike[str]) -> Callable[[], None] | None:
    """Claim a folder, which is made where there is none. One thread may claim it again.

    Returns what lets go of it, and removes a folder that nothing was written into; None where somebody else has it.
    Raises OSError where there can be no such folder.
    """
    path = os.path.join(folder, LOCK)
    while True:
        _make(folder)
        if sys.platform == "win32":
            return _claimed_through_filelock(path)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        except FileNotFoundError:  # whoever had it has just removed the folder
            continue
        status = os.fstat(descriptor)
        place = (status.st_dev, status.st_ino, get_ident())
        try:
            free = place in _descriptors or _locked(descriptor)
        except OSError as error:
            os.close(descriptor)
            if error.errno in WITHOUT_LOCKS:
                return _claimed_through_filelock(path)
            raise
        if free and os.fstat(descriptor).st_nlink:
            _descriptors.setdefault(place, []).append(descriptor)
            return partial(_let_go, place, path)
        os.close(descriptor)
        if not free:
            return None


def _make(folder: str | os.PathLike[str]) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
    except FileExistsError:
        try:
            status = os.lstat(folder)
        except FileNotFoundError:  # it was there, and its owner has just removed it
            return
        if not stat.S_ISDIR(status.st_mode):
            raise


def _locked(descriptor: int) -> bool:
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in CONTENDED:
            return False
        raise
    return True


def _let_go(place: Place, path: str) -> None:
    held = _descriptors.get(place, [])  # none in a forked child
    if len(held) == 1:
        _leave_nothing_empty(path)
        del _descriptors[place]
    if held:
        os.close(held.pop())


def _claimed_through_filelock(path: str) -> Callable[[], None] | None:
    """The same where there is no flock, which the library knows to do without; it takes its time to import."""
    from filelock import FileLock, Timeout

    lock = FileLock(path, is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None

    def let_go() -> None:
        if lock.lock_counter == 1:
            _leave_nothing_empty(path)
        lock.release()

    return let_go


def _leave_nothing_empty(path: str) -> None:
    """Remove a folder that was claimed for a run which never began."""
    folder = os.path.dirname(path)
    try:
        if os.listdir(folder) == [LOCK]:
            os.unlink(path)
            os.rmdir(folder)
    except OSError:
        pass


def _close_in_a_child() -> None:
    """A forked child has no claim: a lock is held for as long as anybody has its file open."""
    for descriptor in [one for held in _descriptors.values() for one in held]:
        os.close(descriptor)
    _descriptors.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_a_child)
