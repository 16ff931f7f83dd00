"""lock.json: exactly which parts a run was made of."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ganreg.components import Component
from ganreg.registry.registry import Registry


def lock(components: Iterable[tuple[tuple[str | int, ...], Component]], registry: Registry) -> dict[str, Any]:
    """Each component's id, distribution and source hash, by its path in the spec; with the versions below it."""
    parts = {}
    for path, component in components:
        offer = registry.offer_of(type(component))
        parts[".".join(map(str, path))] = {
            "id": registry.id_of(type(component)),
            "distribution": offer.plugin.distribution if offer else None,
            "source": source_hash(type(component).__module__.partition(".")[0]),
        }
    return {"components": parts, **environment()}


def environment() -> dict[str, Any]:
    """Versions of ganreg, torch and Python, and the platform; torch is not imported."""
    return {
        "ganreg": _version("ganreg"),
        "torch": _version("torch"),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


@cache
def source_hash(package: str) -> str | None:
    """sha256 over the Python files of a package, by name and content; None where there are none to read."""
    if package == "__main__":
        origin = getattr(sys.modules["__main__"], "__file__", None)
    else:
        spec = find_spec(package)
        origin = spec.origin if spec else None
    if not origin or not Path(origin).is_file():
        return None
    path = Path(origin)
    files = sorted(path.parent.rglob("*.py")) if path.name == "__init__.py" else [path]
    digest = sha256()
    for file in files:
        digest.update(file.relative_to(path.parent).as_posix().encode() + b"\0")
        digest.update(sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
