"""What the code of a part was: a hash over the files that it came from."""

from __future__ import annotations

import sys
from hashlib import sha256
from itertools import accumulate
from pathlib import Path


def source_hash(module: str) -> str | None:
    """sha256 over the Python files of the package that a loaded module belongs to, by their names and contents.

    The package is the outermost one that holds the module's file, so the distributions of one namespace package are
    told apart. A module in no package stands for itself. None where there is nothing to read, as in a notebook.
    """
    file = _file(module)
    if file is None:
        return None
    root = _package(module, file)
    files = [file] if root is None else sorted(root.rglob("*.py"), key=lambda path: path.relative_to(root).as_posix())
    digest = sha256()
    for path in files:
        digest.update(path.relative_to(root or path.parent).as_posix().encode() + b"\0")
        digest.update(sha256(path.read_bytes()).digest())
    return digest.hexdigest() if files else None


def _package(module: str, file: Path) -> Path | None:
    """The folder of the outermost package around a module's file."""
    for name in accumulate(module.split("."), "{}.{}".format):
        origin = _file(name)
        if origin is not None and origin.stem == "__init__" and file.is_relative_to(origin.parent):
            return origin.parent
    return None


def _file(module: str) -> Path | None:
    """The file that a module was loaded from, whether or not it can be imported by its name."""
    file = getattr(sys.modules.get(module), "__file__", None)
    return Path(file) if file and Path(file).is_file() else None
