"""What a match remembers outside of its state: attributes that no checkpoint holds."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from weakref import ProxyTypes

import numpy as np
import torch
from torch import Tensor, nn

from ganreg.components import Component
from ganreg.engine.state import leaves

if TYPE_CHECKING:
    from ganreg.engine.match import Match

OPTIMIZER = {"state", "param_groups", "defaults"}
MACHINERY = {*vars(nn.Module()), "_compiled_call_impl"}
"""Attributes that every module has, or every one that is compiled."""


def attributes(match: Match) -> dict[str, Any]:
    """The plain attributes of everything that plays, by name, in a form that `engine.state.same` compares."""
    found: dict[str, Any] = {}
    for name, network in match.networks.items():
        found.update(_of_module(f"networks.{name}", network))
    for name, part in match.parts.others():
        found.update(_of_module(name, part) if isinstance(part, nn.Module) else _of(name, part))
    for name in match.players:
        found.update(_of(f"optimizers.{name}", match.player(name).optimizer, OPTIMIZER))
    return found


def on_the_host(match: Match) -> dict[str, Any]:
    """The numbers and text in these, each by its path; of tensors only that they are there."""
    held = leaves(attributes(match))
    return {".".join(path): None if isinstance(value, Tensor) else value for path, value in held}


def _of_module(name: str, module: nn.Module) -> Iterator[tuple[str, Any]]:
    for inner, part in module.named_modules(prefix=name):
        yield from _of(inner, part, MACHINERY)
        for key in part._non_persistent_buffers_set:
            yield f"{inner}.{key}", part._buffers[key]


def _of(name: str, part: Any, without: Collection[str] = ()) -> Iterator[tuple[str, Any]]:
    private = part.__pydantic_private__ if isinstance(part, Component) else None
    values: dict[str, Any] = {**(private or {}), **dict(_closed_over(part)), **getattr(part, "__dict__", {})}
    for key, value in values.items():
        if key not in without and not key.startswith("_abc"):
            yield f"{name}.{key}", _plain(value, _package(part))


def _closed_over(part: Any) -> Iterator[tuple[str, Any]]:
    """The variables around a function, by name."""
    cells = getattr(part, "__closure__", None) or ()
    for name, cell in zip(part.__code__.co_freevars if cells else (), cells, strict=True):
        with suppress(ValueError):  # of one that has no value yet
            yield name, cell.cell_contents


def _package(thing: Any) -> str:
    """Where it comes from; a function is in the package that it was written in."""
    module = getattr(thing, "__module__", None) or type(thing).__module__
    return str(module).partition(".")[0]


def _plain(value: Any, own: str, depth: int = 4) -> Any:
    """Numbers, text, tensors, generators, collections of them, and what objects of the own package hold of them.

    None for anything else.
    """
    if type(value) in ProxyTypes:  # whose class is that of what they stand for, which may be gone
        return None
    match value:
        case bool() | int() | float() | str() | Tensor():
            return value
        case torch.Generator():
            return value.get_state()
        case random.Random():
            return repr(value.getstate())
        case np.random.Generator():
            return repr(value.bit_generator.state)
        case np.ndarray() if value.dtype != object:
            return f"{value.dtype} {value.shape} {sha256(value.tobytes()).hexdigest()}"
        case np.ndarray() | np.generic():
            return repr(value.tolist())
        case Mapping() if depth:
            return {repr(key): _plain(item, own, depth - 1) for key, item in value.items()}
        case list() | tuple() | deque() if depth:
            return [_plain(item, own, depth - 1) for item in value]
        case set() | frozenset():
            return sorted(map(repr, value))
        case object(__dict__=held) if depth and not isinstance(value, type) and own == _package(value) != "torch":
            return {key: _plain(item, own, depth - 1) for key, item in held.items()}
    return None
