"""Optimizers: torch's own can be used, and what they know outlives the growth of networks."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from pydantic import Field

from ganreg import Optimizer, Task
from ganreg.engine.state import same
from tests.conftest import Tiny, begin

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
    whole.train()
    begin(stopped, 4)
    stopped.train(resume=True)
    assert whole.training is not None
    assert stopped.training is not None
    assert same(whole.training.match.state(), stopped.training.match.state())


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
    assert match.stage_index > 0
    for player in match.players:
        (group,) = match.player(player).optimizer.param_groups
        assert (group["steps"], group["lr"]) == (5, pytest.approx(0.1 * 0.5**5))
        assert group["params"] == match.player(player).parameters
