"""Compiled networks train as others do, and penalties that differentiate a gradient come out right beside them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch

from ganreg import Penalty
from ganreg.api import Run
from ganreg.engine.match import Match
from tests.engine.test_match import Script

Tiny = Callable[..., Run]


def compiling(run: Run, loss: str) -> list[str]:
    """What is said of a run's parts."""
    assert run.training is not None
    parts = [*(f"the network '{name}'" for name in run.training.match.networks), f"the loss '{loss}'"]
    return [f"compiling {part}, which may take a minute" for part in parts]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the compiler's autograd, which is what forbids a second derivative, but to no machine code."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))


class Undeclared(Penalty, name="undeclared"):
    """Differentiates a gradient, and does not say so."""

    def __call__(self, play):
        """E[‖∇D(x)‖²]."""
        return play.gradients(play.real).square().sum(dim=(1, 2, 3)).mean()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("penalties", [[], [{"name": "tiny-r1", "weight": 2, "every": 2}]], ids=["plain", "r1"])
def test_a_compiled_run_reaches_the_weights_of_another(tiny: Tiny, penalties: list[Any]) -> None:
    reached, said = [], []
    for name in ("plain", "compiled"):
        train = {"compile": name == "compiled", "steps": 3}
        run = tiny(name=name, penalties=penalties, loss="tiny-non-saturating", train=train).train(say=said.append)
        assert run.training is not None
        networks = run.training.match.networks
        assert all((network._compiled_call_impl is not None) == train["compile"] for network in networks.values())
        reached.append([p.detach() for network in networks.values() for p in network.parameters()])
    for one, other in zip(*reached, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
    uncompiled = ["the penalty 'tiny-r1' differentiates a gradient: it runs uncompiled"] * len(penalties)
    assert said == [*uncompiled, *compiling(run, "tiny-non-saturating")]


@pytest.mark.filterwarnings("ignore")
def test_a_network_that_cannot_be_trained_compiled_runs_uncompiled(tiny: Tiny) -> None:
    weights, said = [], []
    for name in ("plain", "compiled"):
        train = {"compile": name == "compiled", "steps": 3}
        run = tiny(name=name, penalties=[Undeclared()], train=train).train(say=said.append)
        assert run.training is not None
        weights.append([p.detach() for network in run.training.match.networks.values() for p in network.parameters()])
    compiled = {name for name, network in run.training.match.networks.items() if network._compiled_call_impl}
    assert compiled == {"generator"}
    (sentence,) = set(said) - set(compiling(run, "tiny-hinge"))
    assert sentence.startswith("the network 'discriminator' runs uncompiled: the backward pass of the discriminator's")
    assert "double backward" in sentence
    for one, other in zip(*weights, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_an_objective_is_differentiated_twice_beside_what_is_compiled(tiny: Tiny) -> None:
    def curve(game: Match) -> None:
        loss, weights = game.objective("discriminator")(), game.player("discriminator").parameters
        slopes = torch.autograd.grad(loss, weights, create_graph=True)
        assert torch.autograd.grad(slopes[0].square().sum(), weights)[0].any()
        game.update("discriminator")

    said: list[str] = []
    run = tiny(schedule=Script(verbs=curve), loss="tiny-non-saturating", train={"compile": True, "steps": 1})
    run.training = run.assemble(say=said.append)
    run.training.match.step()
    assert said == compiling(run, "tiny-non-saturating")
