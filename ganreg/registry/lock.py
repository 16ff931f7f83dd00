"""lock.json: exactly which parts a run was made of, and what they ran on.

```json
{
  "format": 1,
  "ganreg": "1.0.0",
  "torch": "2.6.0",
  "python": "3.11.7",
  "platform": "linux-x86_64",
  "data": "bc531ce3",
  "components": {
    "loss": {
      "id": "classic/hinge",
      "distribution": "ganreg-classic",
      "version": "1.0.0",
      "source": "71c4…"
    }
  }
}
```
"""

from __future__ import annotations

import json
import platform
import sysconfig
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from ganreg.components import Component
from ganreg.errors import Mistake, Position, SpecError, SpecPath, UsageError, printable
from ganreg.registry.registry import Registry
from ganreg.registry.source import source_hash

FORMAT = 1


class Part(BaseModel):
    """A component of a run, and where it came from."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str = Field(description="namespace/name; the bare name of a class that no plugin offers")
    distribution: str | None = Field(description="what pip calls it; null where it came by no distribution")
    version: str | None = Field(description="the distribution's")
    source: str | None = Field(description="sha256 over the Python files of its package; null where there are none")


class Lock(BaseModel):
    """The parts of a run by their paths in the spec, and the versions below them."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    format: int = Field(description="of this file")
    ganreg: str | None = Field(description="its version")
    torch: str | None = Field(description="its version; null where it is not installed")
    python: str = Field(description="its version")
    platform: str = Field(description="operating system and processor, as wheels name them")
    data: str | None = Field(None, description="a hash of some of the pictures; null where none were read")
    components: dict[str, Part] = Field(description="by path in the spec, in the order of paths")


def lock(components: Iterable[tuple[SpecPath, Component]], registry: Registry) -> Lock:
    """The lock of components, each with its path in the spec; torch is not imported."""
    # Each is read once, but not kept: files may change under a process that lives on.
    sources, releases = cache(source_hash), cache(_release)
    parts = {}
    for path, component in sorted(components, key=lambda item: item[0]):
        offer = registry.offer_of(type(component))
        distribution, its_version = releases(offer.plugin.claims) if offer else (None, None)
        parts[".".join(map(str, path))] = Part(
            id=registry.id_of(type(component)),
            distribution=distribution,
            version=its_version,
            source=sources(type(component).__module__),
        )
    return Lock(format=FORMAT, components=parts, **environment())


def environment() -> dict[str, Any]:
    """Versions of ganreg, torch and Python, and the platform; torch is not imported.

    The platform leaves out the kernel, which differs between hosts of one container and changes no number.
    """
    return {
        "ganreg": _version("ganreg"),
        "torch": _version("torch"),
        "python": platform.python_version(),
        "platform": sysconfig.get_platform(),
    }


def read_lock(path: Path) -> Lock:
    """The lock in a file, or in the folder of a run.

    Raises UsageError for a file that cannot be read, SpecError for one that is no lock.
    """
    path = path / "lock.json" if path.is_dir() else path
    try:
        return _parse(path, path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"cannot read the lock {path}: {error.strerror or error}\n"
            "  help: every run writes its own, as lock.json in its folder"
        ) from None
    except json.JSONDecodeError as error:
        line = error.doc.split("\n")[error.lineno - 1]
        position = Position(printable(str(path)), error.lineno, error.colno, line)
        raise SpecError([Mistake(f"this is no lock: {error.msg}", position=position)]) from None
    except ValidationError as error:
        raise SpecError([_mistake(path, e) for e in error.errors(include_url=False)]) from None
    except (ValueError, RecursionError) as error:  # not UTF-8, or JSON that no lock needs
        raise SpecError([Mistake(f"{path} is no lock: {error}")]) from None


def _parse(path: Path, text: str) -> Lock:
    data = json.loads(text)
    if isinstance(data, dict) and data.get("format", FORMAT) != FORMAT:
        message = f"{path} has the format {data['format']}, and this ganreg reads {FORMAT}"
        raise SpecError([Mistake(message, hint="use the version of ganreg that wrote it")])
    return Lock.model_validate(data)


def _mistake(path: Path, error: ErrorDetails) -> Mistake:
    place = "".join(f"{part}." for part in error["loc"])[:-1]
    message = error["msg"].replace("Input should", "should", 1).partition(" or instance of")[0]
    return Mistake(": ".join(filter(None, (f"{path} is no lock", place, message))))


def _release(claims: Sequence[EntryPoint]) -> tuple[str | None, str | None]:
    """Name and version of the distribution that brought a plugin; it may have come by none."""
    distribution = claims[0].dist if claims else None
    return (distribution.name, distribution.version) if distribution else (None, None)


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
