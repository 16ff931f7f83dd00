"""What an optimizer remembers: given to it, and taken back after a trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor


def ways_back(optimizer: torch.optim.Optimizer) -> list[Callable[[], None]]:
    """What gives an optimizer, and those that it wraps, again what they have now."""
    return [_way_back(each) for each in _within(optimizer)]


def _within(optimizer: torch.optim.Optimizer) -> list[torch.optim.Optimizer]:
    """An optimizer, and those that it wraps, however deep."""
    found = [optimizer]
    for outer in found:
        wrapped = [value for value in vars(outer).values() if isinstance(value, torch.optim.Optimizer)]
        found += [inner for inner in wrapped if inner not in found]
    return found


def _way_back(optimizer: torch.optim.Optimizer) -> Callable[[], None]:
    """What gives an optimizer the state, the settings and the plain numbers again that it has now."""
    held = {p: dict(values) for p, values in optimizer.state.items()}
    state = {p: _copied(values) for p, values in held.items()}
    groups = optimizer.param_groups
    settings = [_copied({key: value for key, value in group.items() if key != "params"}) for group in groups]
    numbers = {key: value for key, value in vars(optimizer).items() if isinstance(value, int | float)}

    def back() -> None:
        optimizer.state.clear()
        optimizer.state.update({p: _put_back(values, held[p]) for p, values in state.items()})
        for group, before in zip(optimizer.param_groups, settings, strict=True):
            group.update(before)
        vars(optimizer).update(numbers)

    return back


def load(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Give an optimizer a state, laid out as its parameters are: a checkpoint's has its channels first."""
    optimizer.load_state_dict(state)
    # An optimizer may have a state of its own making, with neither of these: then it has loaded it itself.
    given, keys = state.get("state", {}), [key for group in state.get("param_groups", ()) for key in group["params"]]
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    saved = {parameter: given.get(key, {}) for parameter, key in zip(parameters, keys, strict=False)}
    for parameter, values in optimizer.state.items():
        for name, value in values.items():
            value = _typed_as(saved.get(parameter, {}).get(name), value)
            values[name] = laid_out_as(parameter, value) if isinstance(value, Tensor) else value


def _typed_as(saved: Any, value: Any) -> Any:
    """A loaded value with the types that were saved: torch casts all but a `step` to the parameter's.

    NAdam's product is of float32 whatever the weights are, and a counter in int64 would go on as a float.
    """
    if isinstance(value, Mapping) and isinstance(saved, Mapping):
        return {key: _typed_as(saved.get(key), part) for key, part in value.items()}
    if isinstance(value, list | tuple) and isinstance(saved, list | tuple):
        return type(value)([_typed_as(before, part) for before, part in zip(saved, value, strict=True)])
    if isinstance(value, Tensor) and isinstance(saved, Tensor) and value.dtype != saved.dtype:
        return saved.to(value.device)
    return value


def laid_out_as(parameter: Tensor, value: Tensor) -> Tensor:
    """A value whose numbers lie in the memory as the parameter's do.

    The fused optimizers of torch take that for granted: of another order they make wrong steps without a word on a CPU,
    and raise on CUDA.
    """
    if value.shape != parameter.shape or value.stride() == parameter.stride():
        return value
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _copied(value: Any) -> Any:
    """A value with tensors of its own, however deep they lie: some optimizers keep lists of them."""
    if isinstance(value, Mapping):
        return {key: _copied(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([_copied(part) for part in value])
    return value.clone() if isinstance(value, Tensor) else value


def _put_back(value: Any, place: Any) -> Any:
    """A value that was copied, in the tensors that it was copied from: a recorded step knows no others."""
    if isinstance(value, Mapping):
        there = place if isinstance(place, Mapping) else {}
        return {key: _put_back(part, there.get(key)) for key, part in value.items()}
    if isinstance(value, list | tuple):
        parts = place if isinstance(place, list | tuple) and len(place) == len(value) else [None] * len(value)
        return type(value)([_put_back(part, at) for part, at in zip(value, parts, strict=True)])
    if isinstance(value, Tensor) and isinstance(place, Tensor) and place.shape == value.shape:
        return place.copy_(value)
    return value
