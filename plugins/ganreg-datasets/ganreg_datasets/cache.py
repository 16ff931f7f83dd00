"""The cache of resized pictures: one folder for each listing and form.

```
<cache>/<key>/images.u8     the pictures, (N, C, size, size) bytes
<cache>/<key>/index.json    shape, files, labels, and what was skipped and why
<cache>/<key>.lock          held by the one process that builds
<cache>/<key>.part/         what it has written so far; becomes <key>/ in one rename
```
Anything here may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from PIL import Image
from rich.console import Console
from rich.progress import track

from ganreg import Batch
from ganreg.errors import DataError, printable
from ganreg_datasets.listing import Listing
from ganreg_datasets.pictures import BrokenPictureError, Bytes, Form

if TYPE_CHECKING:
    from torch import Tensor

LAYOUT = 2  # part of the key: raise it when what is written changes
IMAGES, INDEX = "images.u8", "index.json"
AHEAD = 32  # pictures per thread that may wait to be written
LINE = 5.0  # seconds between two lines about progress

log = logging.getLogger("ganreg")


@dataclass(frozen=True)
class CachedPictures:
    """Pictures that stay on disk until a batch asks for them.

    images: (N, C, H, W) uint8, memory-mapped; labels: (N,) int64 or None; skipped: broken files, each with the reason.
    """

    images: Bytes
    labels: Tensor | None
    skipped: tuple[tuple[str, str], ...]

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Tensor) -> Batch:
        """The pictures (N, C, H, W) uint8 and labels (N,) int64 at these indices (N,), on the CPU."""
        rows = indices.cpu()
        images = torch.from_numpy(self.images[rows.numpy()])
        return Batch(images=images, labels=None if self.labels is None else self.labels[rows])


def prepare(listing: Listing, form: Form, *, cache: Path, skip: bool) -> CachedPictures:
    """The listing's pictures in this form, from the cache, which is filled where they are not in it yet.

    Raises DataError for a broken picture unless `skip`, where none is left, and where the cache cannot be written.
    """
    target = cache / _key(listing, form, skip)
    pictures = _open(target)
    if pictures is None:
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with _alone(target.with_suffix(".lock")):
                pictures = _open(target) or _build(target, listing, form, skip)
        except OSError as error:
            reason = error.strerror or error
            raise DataError(f"{cache}: cannot cache the resized pictures here: {reason}; set 'cache'") from error
    if pictures.skipped:
        log.warning("%d of %d pictures are skipped: %s", len(pictures.skipped), len(listing.files), target / INDEX)
    return pictures


def _key(listing: Listing, form: Form, skip: bool) -> str:
    """A hash of all that the cached pictures depend on. The folder counts: archives often give all files one date."""
    key = hashlib.sha256(repr((LAYOUT, asdict(form), skip)).encode())
    key.update(os.fsencode(listing.folder.resolve()))
    for file in listing.files:
        try:
            state = os.stat(f"{listing.folder}/{file}")
            stamp = f"\0{state.st_size} {state.st_mtime_ns}\0"
        except OSError:  # a link to nothing: broken, which is found when it is opened
            stamp = "\0-\0"
        key.update(os.fsencode(file) + stamp.encode())
    return key.hexdigest()[:32]


def _open(folder: Path) -> CachedPictures | None:
    """What an earlier run has left; None where there is nothing, or something damaged."""
    try:
        index = json.loads((folder / INDEX).read_bytes())
        # As a plain array: indexing it copies only the rows that are asked for.
        images = np.asarray(np.memmap(folder / IMAGES, np.uint8, "r")).reshape(index["shape"])
        labels = None if index["labels"] is None else torch.tensor(index["labels"], dtype=torch.int64)
        return CachedPictures(images, labels, tuple((file, reason) for file, reason in index["skipped"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s: this cache is damaged and is built anew (%s)", folder, error)
        return None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.warning("another process is resizing these pictures: waiting for it (%s)", path)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _build(target: Path, listing: Listing, form: Form, skip: bool) -> CachedPictures:
    """Fill a new folder and give it its name last: a process that dies leaves no half cache. Needs the lock."""
    part = target.with_suffix(".part")
    for old in (part, target):
        shutil.rmtree(old, ignore_errors=True)
    part.mkdir()
    try:
        with open(part / IMAGES, "wb") as images:
            index = _fill(images, listing, form, skip)
            _sync(images)
        with open(part / INDEX, "w", encoding="utf-8") as file:
            json.dump(index, file, indent=0)
            _sync(file)
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    pictures = _open(target)
    assert pictures is not None, f"{target} was just written"
    return pictures


def _fill(images: IO[bytes], listing: Listing, form: Form, skip: bool) -> dict[str, Any]:
    """Write the pictures one after the other; the index of what was written.

    Plain writes and not a memory map: on a full disk they fail with an error, and not with a signal.
    """
    kept: list[int] = []
    skipped: list[tuple[str, str]] = []
    for position, picture in enumerate(_decoded(listing, form)):
        if isinstance(picture, BrokenPictureError):
            path, reason = printable(str(listing.folder / listing.files[position])), printable(str(picture))
            if not skip:
                raise DataError(f"{path}: broken picture: {reason} ('broken: skip' leaves such pictures out)")
            log.warning("%s: broken picture, skipped: %s", path, reason)
            skipped.append((listing.files[position], reason))
        else:
            images.write(picture.tobytes())
            kept.append(position)
    if not kept:
        raise DataError(f"{listing.folder}: all {len(skipped)} pictures are broken; the first: {': '.join(skipped[0])}")
    return {
        "folder": str(listing.folder.resolve()),
        "shape": [len(kept), form.channels, form.size, form.size],
        "classes": listing.classes,
        "labels": None if listing.labels is None else [listing.labels[position] for position in kept],
        "files": [listing.files[position] for position in kept],
        "skipped": skipped,
    }


def _decoded(listing: Listing, form: Form) -> Iterator[Bytes | BrokenPictureError]:
    """Each picture or what is wrong with it, in order, with progress: a bar on a terminal, else a line now and then."""
    pictures, total, console = _in_threads(listing, form), len(listing.files), Console(stderr=True)
    with warnings.catch_warnings():  # once around all threads, because the filters are global
        warnings.simplefilter("ignore")  # Pillow warns of odd metadata: nothing that a user could act on
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        if console.is_terminal and not console.is_dumb_terminal:
            yield from track(pictures, "resizing pictures", total=total, console=console, transient=True)
        else:
            yield from _told(pictures, total)


def _told(pictures: Iterable[Bytes | BrokenPictureError], total: int) -> Iterator[Bytes | BrokenPictureError]:
    told = time.monotonic()
    for done, picture in enumerate(pictures, 1):
        yield picture
        if (now := time.monotonic()) - told >= LINE:
            told = now
            print(f"resizing pictures: {done:,} of {total:,}", file=sys.stderr, flush=True)


def _in_threads(listing: Listing, form: Form) -> Iterator[Bytes | BrokenPictureError]:
    """Decode in threads, which Pillow lets run side by side, and never more ahead than memory easily holds."""

    def attempt(file: str) -> Bytes | BrokenPictureError:
        try:
            return form.load(listing.folder / file)
        except BrokenPictureError as broken:
            return broken

    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        for files in _slices(listing.files, AHEAD * threads):
            yield from pool.map(attempt, files)


def _slices(files: Sequence[str], length: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(files), length):
        yield files[start : start + length]


def _sync(file: IO[Any]) -> None:
    file.flush()
    os.fsync(file.fileno())
