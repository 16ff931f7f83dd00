"""Whose fault an error is: the part that it came from, and the line of its author's code."""

from __future__ import annotations

import re
import sysconfig
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType, MethodType
from typing import TYPE_CHECKING, Any

import torch

from ganreg.errors import SpecPath, brief
from ganreg.registry.problems import GANREG, LIBRARIES, folder_of

if TYPE_CHECKING:
    from ganreg.engine.match import Match

FOREIGN = (folder_of(torch), *LIBRARIES)
"""Folders whose lines say nothing to the author of a part."""
MISFIT = re.compile(r"(\S+)\(\) (?:takes|missing|got) ")
"""How Python begins where a call does not fit a signature."""
STDLIB = sysconfig.get_path("stdlib")


def culprit(error: BaseException, match: Match) -> tuple[SpecPath, str]:
    """The path in the spec, and the name in words, of the part of a match that an error came from.

    It is the innermost one on the way of the error. An empty path and "the step" where none was.
    """
    path: SpecPath = ()
    owners = _owners(match)
    for frame, _ in traceback.walk_tb(error.__traceback__):
        path = owners.get(id(_speaker(frame)), path)
    if method := misfit(error):
        path = owners.get(id(method.__self__), path)
    part: Any = match.spec
    for key in path:
        part = part[key] if isinstance(key, int) or isinstance(part, Mapping) else getattr(part, key)
    return path, f"the {part.kind} '{part.name}'" if path else "the step"


def sentence(error: BaseException) -> str:
    """The error in one line, with the line of a part's code that it came from."""
    shown = f"{type(error).__name__}: {brief(error)}"
    where = place(error)
    return f"{shown} ({where})" if where else shown


def place(error: BaseException) -> str:
    """The line of a part's code that an error came from, as file:line; empty where there is none.

    Of a call by ganreg that does not fit the part's signature, it is that of the signature.
    """
    if method := misfit(error):
        code = method.__func__.__code__
        return f"{code.co_filename}:{code.co_firstlineno}"
    lines = [
        f"{frame.f_code.co_filename}:{number}"
        for frame, number in traceback.walk_tb(error.__traceback__)
        if not _foreign(frame.f_code.co_filename)
    ]
    return lines[-1] if lines else ""


def misfit(error: BaseException) -> Any:
    """The method of a part that ganreg has called with what its signature does not take; None for another error.

    It was never entered and has no frame: it is found by its name, in what the caller holds.
    """
    named = MISFIT.match(str(error)) if isinstance(error, TypeError) else None
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    own = max((at for at, frame in enumerate(frames) if not _foreign(frame.f_code.co_filename)), default=-1)
    if not (named and any(frame.f_code.co_filename.startswith(GANREG) for frame in frames[own + 1 :])):
        return None  # nor where the author's own code calls it: the line of that call says more
    found = (_method(held, named[1]) for held in _held(frames[-1].f_locals, 3))
    return next((method for method in found if method and not _foreign(method.__func__.__code__.co_filename)), None)


def _method(holder: Any, name: str) -> Any:
    """The method of a qualified name, bound to its holder, or the holder that is one itself; else None."""
    if not isinstance(holder, MethodType):
        function: Any = getattr(type(holder), name.rpartition(".")[2], None)
        holder = MethodType(function, holder) if hasattr(function, "__code__") else None
    return holder if getattr(holder, "__qualname__", "") == name and hasattr(holder.__func__, "__code__") else None


def _held(values: Mapping[str, Any], depth: int) -> Iterator[Any]:
    """Values, and what they hold as attributes, so deep."""
    yield from values.values()
    if depth > 1:
        for value in values.values():
            yield from _held(getattr(value, "__dict__", {}), depth - 1)


def _speaker(frame: FrameType) -> Any:
    """The object whose method a frame runs, whatever its author calls it; where it runs none, what is called self."""
    code, here = frame.f_code, frame.f_locals
    first = here.get(code.co_varnames[0]) if code.co_argcount else None
    return first if hasattr(type(first), code.co_name) else here.get("self")


def _owners(match: Match) -> dict[int, SpecPath]:
    """The path in the spec of every built part, by its identity."""
    parts, networks = match.parts, match.spec.game.networks
    owners: dict[int, SpecPath] = {id(network): (networks[name],) for name, network in match.networks.items()}
    owners |= {id(term.built): ("penalties", index) for index, term in enumerate(parts.penalties)}
    owners[id(match.loss)] = ("loss",)
    for player in match.players:  # who steps an optimizer that is called wrongly: it has no frame of its own
        mover = match.player(player)
        owners |= {id(mover): ("optimizers", player), id(mover.optimizer): ("optimizers", player)}
    others = {"loss": parts.loss, "augment": parts.augment, "schedule": parts.schedule, "game": parts.game}
    return owners | {id(part): (name,) for name, part in others.items() if part is not None}


def _foreign(file: str) -> bool:
    # Outside of a virtual environment, what is installed lies in a folder of the standard library's.
    of_python = file.startswith(STDLIB) and not {"site-packages", "dist-packages"} & set(Path(file).parts)
    return of_python or file.startswith((*FOREIGN, "<"))
