"""Nested state as tensors and JSON, and back: what a checkpoint's files hold instead of a pickle."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from ganreg.engine.tensor_file import TYPES, raw
from ganreg.errors import CheckpointError

TENSOR, TUPLE, ITEMS = "$tensor", "$tuple", "$items"


def split(value: Any, tensors: dict[str, Tensor], path: str = "") -> Any:
    """JSON data with every tensor put into `tensors` under its path, without its graph and else as it is.

    Takes tensors, dicts, lists, tuples, str, int, float, bool and None; raises CheckpointError for anything else.
    """
    if isinstance(value, Tensor):
        if path in tensors:
            raise CheckpointError(
                f"the state holds two tensors that would be called '{path}': give the keys other names"
            )
        if value.layout != torch.strided:
            raise CheckpointError(f"the state '{path}' holds a sparse tensor; a checkpoint takes dense ones")
        if value.dtype not in TYPES:
            raise CheckpointError(f"the state '{path}' holds numbers of {value.dtype}; a checkpoint has none of these")
        tensors[path] = value.detach()
        return {TENSOR: path}
    if isinstance(value, Mapping):
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: split(item, tensors, _join(path, key)) for key, item in value.items()}
        return {ITEMS: [[split(key, {}), split(item, tensors, _join(path, key))] for key, item in value.items()]}
    if isinstance(value, tuple):
        return {TUPLE: [split(item, tensors, _join(path, index)) for index, item in enumerate(value)]}
    if isinstance(value, list):
        return [split(item, tensors, _join(path, index)) for index, item in enumerate(value)]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise CheckpointError(
        f"the state '{path}' holds a {type(value).__name__}; a checkpoint takes tensors and plain values"
    )


def join(value: Any, tensors: dict[str, Tensor]) -> Any:
    """The nested state that `split` took apart; each tensor is taken out of `tensors` for the one place it has."""
    if isinstance(value, list):
        return [join(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if TENSOR in value:
        return tensors.pop(value[TENSOR])
    if TUPLE in value:
        return tuple(join(item, tensors) for item in value[TUPLE])
    if ITEMS in value:
        return {join(key, tensors): join(item, tensors) for key, item in value[ITEMS]}
    return {key: join(item, tensors) for key, item in value.items()}


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Tensors and plain values of a nested state as they stand in it, each with its path."""
    if isinstance(value, Mapping | list | tuple):
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from leaves(item, (*path, str(key)))
    else:
        yield path, value


def moved(value: Any, device: torch.device) -> Any:
    """The same nested state with its tensors on a device."""
    tensors: dict[str, Tensor] = {}
    plain = split(value, tensors)
    return join(plain, {path: tensor.to(device) for path, tensor in tensors.items()})


def same(one: Any, other: Any) -> bool:
    """Whether two states are equal, tensors bit for bit."""
    mine: dict[str, Tensor] = {}
    theirs: dict[str, Tensor] = {}
    # As text, where true is not 1, and NaN equals itself.
    if _text(split(one, mine)) != _text(split(other, theirs)):
        return False
    return all(
        a.dtype == b.dtype and a.numel() == b.numel() and torch.equal(raw(a.cpu()), raw(b.cpu()))
        for a, b in ((mine[key], theirs[key]) for key in mine)
    )


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _join(path: str, key: Any) -> str:
    return f"{path}/{key}" if path else str(key)
