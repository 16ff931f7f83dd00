"""The moving average against its formula."""

import math
from functools import partial
from threading import Lock

import pytest
import torch
from torch import nn

from ganreg import Generator, Task
from ganreg.engine.ema import Ema
from ganreg.errors import PluginError, SpecError
from ganreg.spec.runspec import Ema as Averaging
from ganreg.spec.runspec import Train
from tests.conftest import Tiny


def test_weights_follow_the_formula_and_buffers_are_copied() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).double()
    ema = Ema({"g": network}, partial(Averaging(decay=0.5).at, train=Train()))
    expected = network[0].weight.detach().clone()
    for step in range(12):
        with torch.no_grad():
            network[0].weight.add_(torch.randn(2, 2))
            network[1].running_mean.add_(1)
        ema.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * network[0].weight.detach()
    assert torch.allclose(ema.networks["g"][0].weight, expected, atol=1e-12)
    assert torch.equal(ema.networks["g"][1].running_mean, network[1].running_mean)
    assert not any(p.requires_grad for p in ema.networks["g"].parameters())


class Reassigning(nn.Module):
    """Puts another tensor in the place of its buffer in each forward."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.mean = 0.9 * self.mean + x.mean()
        return x


def test_a_buffer_that_is_another_tensor_in_each_step_is_copied() -> None:
    network = Reassigning()
    ema = Ema({"g": network}, partial(Averaging().at, train=Train()))
    for step in range(3):
        network(torch.ones(2))
        ema.update(step)
        assert torch.equal(ema.networks["g"].mean, network.mean)
    assert network.mean > 2


class Late(nn.Linear):
    """Makes its buffer when it first sees something."""

    def __init__(self) -> None:
        super().__init__(2, 2)
        self.register_buffer("running", None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.running = x.detach().mean(0) if self.running is None else self.running.lerp(x.detach().mean(0), 0.1)
        return super().forward(x)


def test_a_buffer_that_is_made_in_the_forward_is_named() -> None:
    network = nn.Sequential(Late())
    ema = Ema({"generator": network}, lambda step: 0.5)
    network(torch.ones(3, 2))
    with pytest.raises(PluginError, match=r"'generator' makes its buffer '0\.running' in its forward: register it"):
        ema.update(0)


class Bank(nn.Linear):
    """Remembers its last five inputs."""

    def __init__(self) -> None:
        super().__init__(2, 2)
        self.register_buffer("bank", torch.zeros(0, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.bank = torch.cat([self.bank, x.detach()])[-5:]
        return super().forward(x)


@pytest.mark.parametrize("count", [1, 3])
def test_a_buffer_that_changes_its_size_is_named(count: int) -> None:
    network = nn.Sequential(Bank())
    ema = Ema({"generator": network}, lambda step: 0.5)
    network(torch.ones(count, 2))
    with pytest.raises(
        PluginError, match=rf"'generator' makes its buffer '0\.bank' \({count}, 2\), where it was built with"
    ):
        ema.update(0)


class Tabled(nn.Linear):
    """Has whole numbers among its parameters, which no average of could be."""

    def __init__(self) -> None:
        super().__init__(2, 2)
        self.table = nn.Parameter(torch.arange(3), requires_grad=False)
        self.mask = nn.Parameter(torch.tensor([True, False]), requires_grad=False)


def test_parameters_that_are_whole_numbers_are_copied() -> None:
    network = Tabled()
    ema = Ema({"g": network}, lambda step: 0.5)
    before = network.weight.detach().clone()
    with torch.no_grad():
        for tensor in (network.table, network.weight):
            tensor.add_(2)
        network.mask.logical_not_()
    ema.update(0)
    assert torch.equal(ema.networks["g"].table, network.table)
    assert torch.equal(ema.networks["g"].mask, network.mask)
    assert torch.allclose(ema.networks["g"].weight, before + 1)


def test_weights_that_are_computed_from_others_follow(tiny: Tiny) -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            with pytest.warns(FutureWarning, match="weight_norm"):
                self.linear = nn.utils.weight_norm(nn.Linear(8, 784))

        def forward(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
            return self.linear(z).view(-1, 1, 28, 28)

    class Normed(Generator, name="normed"):
        def build(self, task: Task) -> nn.Module:
            return Plain()

    match = tiny(generator=Normed(), ema={"decay": 0.0}).assemble().match
    match.step()
    z = torch.randn(2, 8)
    network, average = match.networks["generator"], match.generators["generator"]
    assert average is not network
    assert torch.allclose(average(z), network(z), atol=1e-6)


def test_a_network_that_cannot_be_copied_is_named() -> None:
    network = nn.Linear(2, 2)
    network.lock = Lock()
    with pytest.raises(PluginError, match=r"'g' cannot be copied .*ema: null.*: TypeError: cannot pickle"):
        Ema({"g": network}, lambda step: 0.5)


TRAIN = Train(steps=100, batch_size=32)


def test_half_of_a_weight_is_gone_after_the_half_life() -> None:
    averaging = Averaging(half_life=320)
    assert math.prod(averaging.at(step, TRAIN) for step in range(7, 17)) == pytest.approx(0.5, rel=1e-12)


def test_the_ramp_is_that_of_stylegan2() -> None:
    averaging = Averaging(half_life=10_000, ramp=0.05)
    for step in (1, 10, 5000, 50_000):
        seen = step * TRAIN.batch_size
        assert averaging.at(step, TRAIN) == pytest.approx(0.5 ** (32 / min(10_000, seen * 0.05)), rel=1e-12)
    assert averaging.at(0, TRAIN) == 0


def test_the_decay_follows_half_a_cosine_to_its_end() -> None:
    averaging = Averaging(decay=0.2, final=0.9)
    assert averaging.at(50, TRAIN) == pytest.approx(0.55, rel=1e-12)
    assert averaging.at(100, TRAIN) == averaging.at(200, TRAIN) == 0.9
    assert averaging.at(25, TRAIN) == pytest.approx(0.9 - 0.7 * (1 + math.sqrt(0.5)) / 2, rel=1e-12)


@pytest.mark.parametrize("averaging", [Averaging(start=3), Averaging(start=3, half_life=1e3, ramp=1)])
def test_until_it_starts_it_is_the_network(averaging: Averaging) -> None:
    network = nn.Linear(2, 2)
    ema = Ema({"g": network}, partial(averaging.at, train=TRAIN))
    for step in range(5):
        torch.nn.init.normal_(network.weight)
        ema.update(step)
        assert torch.equal(ema.networks["g"].weight, network.weight) == (step < 3 or averaging.at(step, TRAIN) == 0)
    assert not torch.equal(ema.networks["g"].weight, network.weight)


@pytest.mark.parametrize(
    ("ema", "message"),
    [
        ({"ramp": 0.05}, "ema.ramp.*goes with `half_life`"),
        ({"half_life": 100, "final": 1}, "ema.final.*goes without `half_life`"),
        ({"half_life": float("inf")}, "ema.half_life.*finite"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_place(tiny: Tiny, ema: dict[str, float], message: str) -> None:
    with pytest.raises(SpecError, match=f"(?s){message}"):
        tiny(ema=ema)
