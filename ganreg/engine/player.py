"""Player: a side of the game, with the networks that it owns and the optimizer that moves them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from ganreg.engine.counters import Counter
from ganreg.errors import Mistake, SpecError


class Player:
    """A side of the game.

    parameters: its trainable ones, in the networks' order. updates: how often it has moved.
    """

    updates = Counter()

    def __init__(
        self,
        name: str,
        networks: Mapping[str, nn.Module],
        optimizer: Callable[[Iterable[Any]], torch.optim.Optimizer],
    ) -> None:
        self.name = name
        self.networks = networks
        self.updates = 0
        self._make_optimizer = optimizer
        self._seat()

    def _seat(self) -> None:
        # Between turns nothing is frozen but what its author froze.
        every = [p for network in self.networks.values() for p in network.parameters()]
        self.parameters = [p for p in every if p.requires_grad]
        if not self.parameters:
            raise SpecError([Mistake(f"the player '{self.name}' has no trainable parameter")])
        self.optimizer = self._make_optimizer(self.parameters)

    def reseat(self) -> None:
        """Take in parameters that came or went with a change of stage; the others keep their optimizer state.

        So do the groups, which may hold a rate that has decayed or a counter. A group is one of before where it shares
        a parameter with it: by its place it could be another's, where a network grows in its midst.
        """
        before = self.optimizer
        self._seat()
        self.optimizer.state.update({p: before.state[p] for p in self.parameters if p in before.state})
        settings = {p: group for group in before.param_groups for p in group["params"]}
        for group in self.optimizer.param_groups:
            old = next((settings[p] for p in group["params"] if p in settings), {})
            group.update({key: value for key, value in old.items() if key != "params"})

    def forget_gradients(self) -> None:
        """Before a turn there are none; the optimizer's `zero_grad` does the same, and profiles it."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Let the optimizer move the parameters along their gradients."""
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.grad = _laid_out_as(parameter, parameter.grad)
        try:
            self.optimizer.step()
        except (RuntimeError, TypeError) as error:
            # On the meta device there are no numbers: an optimizer that looks at some, as Adafactor does, stops there.
            if not (self.parameters[0].is_meta and "meta" in str(error).lower()):
                raise

    def take(self, state: Mapping[str, Any]) -> None:
        """Give the optimizer a state, with which it can step; raises whatever it makes of another.

        Optimizers look at what they are given only when they step: they are made to, on parameters that are nobody's.
        """
        rehearsed = [nn.Parameter(torch.zeros_like(p)) for p in self.parameters]
        for parameter in rehearsed:
            parameter.grad = torch.zeros_like(parameter)
        rehearsal = self._make_optimizer(rehearsed)
        _load(rehearsal, deepcopy(dict(state)))
        rehearsal.step()
        _load(self.optimizer, dict(state))

    def freeze(self, frozen: bool) -> None:
        """Let gradients past its parameters, or not."""
        for parameter in self.parameters:
            parameter.requires_grad_(not frozen)

    def names(self) -> dict[int, str]:
        """The name of each parameter, by its identity."""
        return {
            id(parameter): f"{network}.{name}"
            for network, module in self.networks.items()
            for name, parameter in module.named_parameters()
        }

    @contextmanager
    def restored(self, *, optimizer: bool) -> Iterator[None]:
        """On leaving, weights (and the optimizer's state) are what they were on entering; gradients stay."""
        current = [p.detach() for p in self.parameters]
        weights = [p.clone() for p in current]
        backs = [_way_back(each) for each in _within(self.optimizer)] if optimizer else []
        try:
            yield
        finally:
            torch._foreach_copy_(current, weights)
            for back in backs:
                back()


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


def _load(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Give an optimizer a state, laid out as its parameters are: a checkpoint's has its channels first."""
    optimizer.load_state_dict(state)
    # An optimizer may have a state of its own making, with neither of these: then it has loaded it itself.
    given, keys = state.get("state", {}), [key for group in state.get("param_groups", ()) for key in group["params"]]
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    saved = {parameter: given.get(key, {}) for parameter, key in zip(parameters, keys, strict=False)}
    for parameter, values in optimizer.state.items():
        for name, value in values.items():
            value = _typed_as(saved.get(parameter, {}).get(name), value)
            values[name] = _laid_out_as(parameter, value) if isinstance(value, Tensor) else value


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


def _laid_out_as(parameter: Tensor, value: Tensor) -> Tensor:
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
