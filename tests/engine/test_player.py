"""Optimizers: torch's own can be used, and what they know outlives the growth of networks."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

import pytest
import torch
from pydantic import Field

from ganreg import Optimizer, Task
from ganreg.engine.state import same
from tests.conftest import Tiny, go_on_alike

GROWING: dict[str, Any] = {
    "data": {"name": "tiny-pictures", "side": 16, "count": 40},
    "generator": "tiny-growing",
    "discriminator": "tiny-growing",
    "schedule": {"name": "tiny-progressive", "stage_steps": 2, "fade_steps": 1},
}


class Some(Optimizer, name="some"):
    make: Callable[[Iterable[Any]], torch.optim.Optimizer] = Field(exclude=True)

    def build(self, task: Task) -> Any:
        return self.make


def both(make: Callable[[Iterable[Any]], torch.optim.Optimizer]) -> dict[str, Any]:
    return {player: Some(make=make) for player in ("generator", "discriminator")}


@pytest.mark.parametrize("make", [torch.optim.Adafactor, torch.optim.ASGD, torch.optim.Rprop, torch.optim.NAdam])
def test_an_optimizer_may_look_at_numbers(tiny: Tiny, make: Any) -> None:
    """On the meta device, where the dry run is, there are none; a resumed run has the same ones."""
    whole, stopped = (tiny(name=name, optimizers=both(make), ema=None) for name in ("whole", "stopped"))
    whole.check()
    go_on_alike(whole, stopped)


class Counting(torch.optim.Optimizer):
    """Keeps numbers of other types than its weights', at any depth."""

    def __init__(self, parameters: Iterable[Any]) -> None:
        super().__init__(parameters, {})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for parameter in self.param_groups[0]["params"]:
            state = self.state[parameter]
            total = state.setdefault("total", torch.zeros_like(parameter, dtype=torch.float64))
            (seen,) = state.setdefault("deeper", [{"seen": torch.zeros((), dtype=torch.int64)}])
            seen["seen"] += 1
            total += parameter.grad
            parameter.sub_(total, alpha=0.01)


def test_a_resumed_optimizer_has_its_numbers_in_the_types_that_they_had(tiny: Tiny) -> None:
    """Torch loads them as the weights' type."""
    go_on_alike(*(tiny(name=name, optimizers=both(Counting), ema=None) for name in ("whole", "stopped")))


class Decaying(torch.optim.SGD):
    """Counts its steps in its group, and learns more slowly by each."""

    def __init__(self, parameters: Iterable[Any]) -> None:
        super().__init__(parameters, lr=0.1)
        self.param_groups[0]["steps"] = 0

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        self.param_groups[0]["steps"] += 1
        self.param_groups[0]["lr"] *= 0.5
        super().step()


def test_a_groups_own_values_outlive_a_change_of_stage(tiny: Tiny) -> None:
    run = tiny(**GROWING, optimizers=both(Decaying))
    match = run.assemble().match
    for _ in range(5):
        match.step()
    assert match.current_stage.index > 0
    for player in match.players:
        (group,) = match.player(player).optimizer.param_groups
        assert (group["steps"], group["lr"]) == (5, pytest.approx(0.1 * 0.5**5))
        assert group["params"] == match.player(player).parameters


def by_size(parameters: Iterable[Any]) -> torch.optim.Optimizer:
    return torch.optim.SGD([{"params": [p], "lr": 1e-3 / p.numel(), "size": p.numel()} for p in parameters])


def test_a_layer_that_grows_in_a_networks_midst_has_a_group_of_its_own(tiny: Tiny) -> None:
    match = tiny(**GROWING, optimizers=both(by_size)).assemble().match
    before = {player: len(match.player(player).parameters) for player in match.players}
    for group in match.player("generator").optimizer.param_groups:
        group["lr"] /= 2
    known = set(match.player("generator").parameters)
    match.stage(1, 8)
    for player in match.players:
        groups = match.player(player).optimizer.param_groups
        assert len(groups) > before[player]
        for group in groups:
            (parameter,) = group["params"]
            size, decay = parameter.numel(), 2 if parameter in known else 1
            assert (group["size"], group["lr"] * decay) == (size, pytest.approx(1e-3 / size))


class Listing(torch.optim.SGD):
    """Keeps what it remembers in lists and mappings, as Shampoo and SOAP do."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for parameter in self.param_groups[0]["params"]:
            state = self.state[parameter]
            seen = state.setdefault("seen", [torch.zeros(()), {"sum": torch.zeros_like(parameter)}])
            seen[0] += 1
            seen[1]["sum"] += parameter.grad
        super().step()


def test_a_look_ahead_takes_back_what_lies_deeper_in_a_state(tiny: Tiny) -> None:
    match = tiny(optimizers=both(Listing)).assemble().match
    match.update("discriminator")
    mover = match.player("discriminator")
    before = deepcopy(mover.optimizer.state_dict())
    tensors = [values["seen"][0] for values in mover.optimizer.state.values()]
    with match.lookahead("discriminator"):
        match.update("discriminator")
        assert not same(before["state"], mover.optimizer.state_dict()["state"])
    assert same(before["state"], mover.optimizer.state_dict()["state"])
    assert all(a is b["seen"][0] for a, b in zip(tensors, mover.optimizer.state.values(), strict=True))


class Wrapping(torch.optim.Optimizer):
    """Lets another one step, and counts."""

    def __init__(self, base: torch.optim.Optimizer) -> None:
        super().__init__(base.param_groups, {})
        self.base = base
        self.steps = 0

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        self.steps += 1
        self.base.param_groups[0]["lr"] *= 0.5
        self.base.step()


@pytest.mark.parametrize("depth", [1, 2])
def test_a_look_ahead_takes_back_what_a_wrapped_optimizer_remembers(tiny: Tiny, depth: int) -> None:
    def make(parameters: Iterable[Any]) -> torch.optim.Optimizer:
        optimizer: torch.optim.Optimizer = torch.optim.Adam(parameters)
        for _ in range(depth):
            optimizer = Wrapping(optimizer)
        return optimizer

    match = tiny(optimizers=both(make)).assemble().match
    match.update("discriminator")
    outer = match.player("discriminator").optimizer
    inner = outer.base if depth == 1 else outer.base.base
    before = deepcopy(inner.state_dict())
    with match.lookahead("discriminator"):
        match.update("discriminator")
        assert outer.steps == 2
        assert not same(before, inner.state_dict())
    assert outer.steps == 1
    assert same(before, inner.state_dict())
