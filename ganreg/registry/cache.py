"""The file that keeps what plugins offer from one command to the next."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile

from ganreg.registry.plugin import Listing

VARIABLE = "GANREG_CACHE"
Marked = Mapping[str, tuple[str, Listing]]
"""Listings by namespace, each with what it was fresh for."""


def read() -> Marked:
    """What was written last; nothing where there is no file, or one that cannot be understood."""
    try:
        stored = json.loads(_path().read_text(encoding="utf-8"))
        return {name: (str(e["mark"]), Listing.read(e["listing"])) for name, e in stored.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def update(listings: Marked) -> None:
    """Write listings over those that are there. Whoever reads meanwhile sees the old file or the new one.

    Where nothing can be written, nothing is: every command looks for itself then.
    """
    path = _path()
    records = {
        name: {"mark": mark, "listing": asdict(listing)} for name, (mark, listing) in {**read(), **listings}.items()
    }
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=path.parent, prefix=path.stem, delete=False, encoding="utf-8") as file:
            try:
                file.write(json.dumps(records))
                file.close()
                os.replace(file.name, path)
            except OSError:
                os.unlink(file.name)


def _path() -> Path:
    """One file per environment and Python; GANREG_CACHE names another folder than the user's cache."""
    if named := os.environ.get(VARIABLE):
        folder = Path(named)
    else:
        from platformdirs import user_cache_path

        folder = user_cache_path("ganreg", appauthor=False)
    environment = f"{sys.prefix}\0{sys.implementation.cache_tag}"
    return folder / f"index-{sha256(environment.encode()).hexdigest()[:16]}.json"
