"""Which pictures a folder holds, and in which order; no file is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ganreg.errors import DataError

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".tga"),
    *(".pbm", ".pgm", ".pnm", ".ppm"),
)


@dataclass(frozen=True)
class Listing:
    """The pictures of a folder, sorted by class and name.

    files: relative to the folder; labels: the class of each, an index into `classes`; both None without classes.
    """

    folder: Path
    files: tuple[str, ...]
    labels: tuple[int, ...] | None = None
    classes: tuple[str, ...] | None = None


def find(folder: Path) -> Listing:
    """List the pictures; DataError where there is no folder, no picture, or pictures both beside and in sub-folders.

    Sub-folders of a class belong to it. A link to a folder is followed only where it is itself a class, and does not
    lead back to the folder: no loop can be walked.
    """
    if not os.path.isdir(folder):
        raise DataError(f"{folder}: no such folder")
    try:
        loose, folders = _look(folder)
        found = {name: files for name in folders if (files := sorted(_walk(folder, name)))}
    except OSError as error:
        raise DataError(f"{error.filename}: {error.strerror}") from error
    if not loose and not found:
        raise DataError(f"{folder}: no pictures in it (files that end in {' '.join(SUFFIXES)})")
    if not found:
        return Listing(folder, tuple(loose))
    classes = tuple(found)
    if loose:
        raise DataError(
            f"{folder}: pictures lie both in the folder ({loose[0]}) and in its sub-folders ({found[classes[0]][0]}): "
            "put all into sub-folders, one per class, or all into the folder"
        )
    labels = tuple(label for label, name in enumerate(classes) for _ in found[name])
    return Listing(folder, tuple(file for name in classes for file in found[name]), labels, classes)


def _look(folder: Path) -> tuple[list[str], list[str]]:
    """The names of the pictures and of the sub-folders that lie in the folder itself, sorted."""
    pictures, folders = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                if not (entry.is_symlink() and _leads_back(folder, entry.path)):
                    folders.append(entry.name)
            elif _is_picture(entry.name):
                pictures.append(entry.name)
    return sorted(pictures), sorted(folders)


def _walk(folder: Path, name: str) -> Iterator[str]:
    """The pictures below a class's folder, relative to `folder`, with forward slashes."""
    for parent, folders, files in os.walk(folder / name, onerror=_raise, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inside = Path(parent).relative_to(folder).as_posix()
        # Not by Path, which would take most of the time of a large folder.
        yield from (f"{inside}/{file}" for file in files if _is_picture(file))


def _is_picture(name: str) -> bool:
    return not name.startswith(".") and name.lower().endswith(SUFFIXES)


def _leads_back(folder: Path, link: str) -> bool:
    return folder.resolve().is_relative_to(Path(link).resolve())


def _raise(error: OSError) -> None:
    raise error
