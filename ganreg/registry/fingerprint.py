"""Whether an installed plugin is still the one that was looked at: metadata and file times; nothing is imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path

from ganreg.registry.discovery import description


def fingerprint(claims: tuple[EntryPoint, ...]) -> str:
    """A digest that changes with the plugin and with ganreg.

    It is taken over the entry points, the metadata of their distributions, and path, time and size of every Python
    file of their top-level packages.
    """
    digest = sha256(_core().encode())
    for point in claims:
        place = point.dist.locate_file("") if point.dist else ""
        digest.update(repr((point.value, str(place), description(point))).encode())
        for file in _files(point.value.partition(":")[0].partition(".")[0].strip()):
            digest.update(repr(file).encode())
    return digest.hexdigest()


def surroundings() -> str:
    """A digest that changes when anything is installed: what a plugin lacks may be there now."""
    passing = {""}  # what differs from call to call
    with suppress(OSError, IndexError):
        passing |= {os.getcwd(), os.path.dirname(os.path.realpath(sys.argv[0]))}
    times = [(path, _time(path)) for path in map(str, sys.path) if path not in passing]
    return sha256(repr(times).encode()).hexdigest()


@cache
def _core() -> str:
    return sha256(repr(_files("ganreg")).encode()).hexdigest()


def _files(package: str) -> list[tuple[str, int, int]]:
    """Path, time and size of a top-level package's Python files. To look for one does not import it."""
    try:
        spec = find_spec(package)
    except Exception:  # finders are strangers' code too
        return []
    if spec is None:
        return []
    if not spec.submodule_search_locations:
        return sorted(_sizes([Path(spec.origin)])) if spec.origin else []
    return sorted(file for folder in spec.submodule_search_locations for file in _sizes(_python(folder)))


def _python(folder: str) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "__pycache__"))]
        yield from (Path(root, name) for name in names if name.endswith(".py"))


def _sizes(paths: Iterable[Path]) -> Iterator[tuple[str, int, int]]:
    for path in paths:
        try:
            status = os.stat(path)
        except OSError:
            continue
        yield str(path), status.st_mtime_ns, status.st_size


def _time(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
