"""Player: a side of the game, with the networks that it owns and the optimizer that moves them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from torch import nn

from ganreg.engine.counters import Counter
from ganreg.engine.optimizer_state import laid_out_as, load, ways_back
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
                parameter.grad = laid_out_as(parameter, parameter.grad)
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
        load(rehearsal, deepcopy(dict(state)))
        rehearsal.step()
        load(self.optimizer, dict(state))

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
        backs = ways_back(self.optimizer) if optimizer else []
        try:
            yield
        finally:
            torch._foreach_copy_(current, weights)
            for back in backs:
                back()
