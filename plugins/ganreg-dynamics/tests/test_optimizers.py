"""Each optimizer's steps are the paper's, by hand; annealed ones are the base's with other settings."""

from math import cos, pi

import pytest
import torch
from ganreg_dynamics.curves import Curve
from torch import nn

from ganreg import Task, component
from ganreg.errors import SpecError

TASK = Task((1, 2, 2), 3)
PLAYERS = ("generator", "discriminator")
PRECISION = pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
ADAM = {"name": "proofs/tiny-adam", "lr": 0.1, "betas": (0.6, 0.9)}


def gradients(dtype):
    numbers = torch.Generator().manual_seed(1)
    return [torch.randn(3, generator=numbers, dtype=torch.float64).to(dtype) for _ in range(6)]


def way(name, dtype, **parameters):
    """Where an optimizer goes from 1, along fixed gradients."""
    weight = nn.Parameter(torch.ones(3, dtype=dtype))
    optimizer = component("optimizer", name, **parameters).build(TASK)(iter([weight]))
    found = []
    for gradient in gradients(dtype):
        weight.grad = gradient.clone()
        optimizer.step()
        found.append(weight.detach().clone())
    return torch.stack(found)


def assert_way(found, expected, atol):
    torch.testing.assert_close(found, torch.stack(expected), rtol=0, atol=atol)


@PRECISION
def test_optimistic_gradient_descent(dtype, atol):
    weight, last, expected = torch.ones(3, dtype=dtype), torch.zeros(3, dtype=dtype), []
    for gradient in gradients(dtype):
        weight = weight - 2 * 0.1 * gradient + 0.1 * last
        last = gradient
        expected.append(weight)
    assert_way(way("dynamics/optimistic-gradient-descent", dtype, lr=0.1), expected, atol)


@PRECISION
def test_optimistic_adam(dtype, atol):
    weight, last, expected = torch.ones(3, dtype=dtype), torch.zeros(3, dtype=dtype), []
    m, v = last, last
    for t, g in enumerate(gradients(dtype), start=1):
        m, v = 0.6 * m + 0.4 * g, 0.9 * v + 0.1 * g**2
        direction = (m / (1 - 0.6**t)) / ((v / (1 - 0.9**t)).sqrt() + 1e-8)
        weight = weight - 2 * 0.1 * direction + 0.1 * last
        last = direction
        expected.append(weight)
    assert_way(way("dynamics/optimistic-adam", dtype, lr=0.1, betas=(0.6, 0.9)), expected, atol)


@PRECISION
def test_negative_momentum(dtype, atol):
    before = weight = torch.ones(3, dtype=dtype)
    expected = []
    for gradient in gradients(dtype):
        weight, before = weight - 0.1 * gradient - 0.4 * (weight - before), weight
        expected.append(weight)
    assert_way(way("dynamics/negative-momentum", dtype, lr=0.1, momentum=-0.4), expected, atol)


def test_torchs_own(make_match):
    """By name and settings, as torch itself makes it; what it does not take is refused before the run."""
    settings = {"lr": 0.1, "amsgrad": True, "betas": (0.6, 0.9)}
    weight = nn.Parameter(torch.ones(3))
    optimizer, expected = torch.optim.Adam([weight], **settings), []
    for gradient in gradients(torch.float32):
        weight.grad = gradient.clone()
        optimizer.step()
        expected.append(weight.detach().clone())
    assert_way(way("dynamics/torch", torch.float32, optimizer="Adam", settings=settings), expected, 0)
    with pytest.raises(SpecError, match="unexpected keyword argument 'slope'"):
        make_match(optimizers={player: {"name": "dynamics/torch", "settings": {"slope": 1}} for player in PLAYERS})


@pytest.mark.parametrize("name", ["optimistic-gradient-descent", "optimistic-adam", "negative-momentum"])
def test_a_closure_is_called(name):
    weight = nn.Parameter(torch.ones(2))
    optimizer = component("optimizer", f"dynamics/{name}").build(TASK)([weight])

    def closure():
        optimizer.zero_grad()
        loss = weight.square().sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 2
    assert (weight < 1).all()


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        ({"start": 1, "end": 0, "steps": 4}, [1, 0.75, 0.5, 0.25, 0, 0]),
        ({"start": 0, "end": 1, "delay": 1, "steps": 2}, [0, 0, 0.5, 1, 1, 1]),
        ({"start": 0.2, "end": 1, "steps": 3, "shape": "constant"}, [0.2, 0.2, 0.2, 1, 1, 1]),
        ({"end": 0.2, "steps": 4, "shape": "cosine"}, [0.2 + 0.4 * (1 + cos(pi * r / 4)) for r in (0, 1, 2, 3, 4, 4)]),
    ],
)
def test_curves(curve, expected):
    assert [Curve(**curve)(t) for t in range(6)] == pytest.approx(expected)


def test_curves_are_multiplied():
    curve = Curve(start=0, end=1, steps=2, times={"end": 0.5, "delay": 2, "steps": 2})
    assert [curve(t) for t in range(5)] == [0, 0.5, 1, 0.75, 0.5]


@PRECISION
def test_annealed_adam(dtype, atol):
    """Adam with lr 0.1·f(t) and β₂ = 1 - g(t)·(1 - 0.9); bias is corrected with the present β₂, as torch does."""
    weight, expected = torch.ones(3, dtype=dtype), []
    m = v = torch.zeros(3, dtype=dtype)
    for t, g in enumerate(gradients(dtype)):
        f, second = 1 - min(t / 4, 1) * 0.5, 1 - 0.1 * (0.5 + 0.5 * min(t / 4, 1))
        m, v = 0.6 * m + 0.4 * g, second * v + (1 - second) * g**2
        direction = (m / (1 - 0.6 ** (t + 1))) / ((v / (1 - second ** (t + 1))).sqrt() + 1e-8)
        weight = weight - 0.1 * f * direction
        expected.append(weight)
    lr, beta2 = {"end": 0.5, "steps": 4}, {"start": 0.5, "steps": 4}
    assert_way(way("dynamics/annealed", dtype, base=ADAM, lr=lr, beta2=beta2), expected, atol)


def test_annealed_descent_without_state_of_its_own():
    """Plain SGD remembers nothing; the count is kept all the same."""
    weight, expected = torch.ones(3), []
    for t, gradient in enumerate(gradients(torch.float32)):
        weight = weight - 0.1 * (1 - min(t / 4, 1)) * gradient
        expected.append(weight)
    sgd = {"name": "proofs/tiny-sgd", "lr": 0.1}
    assert_way(way("dynamics/annealed", torch.float32, base=sgd, lr={"end": 0, "steps": 4}), expected, 1e-6)


def test_a_look_ahead_does_not_count(make_match):
    annealed = {"name": "dynamics/annealed", "base": "proofs/tiny-sgd", "lr": {"end": 0, "steps": 4}}
    match = make_match(optimizers=dict.fromkeys(PLAYERS, annealed))
    optimizer = match.player("generator").optimizer
    match.update("generator")
    with match.lookahead():
        for _ in range(3):
            match.update("generator")
    match.update("generator")
    assert {values["updates"] for values in optimizer.state.values()} == {2}
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.01 * 0.75)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"base": "proofs/tiny-adam"}, "nothing follows"),
        ({"base": "proofs/tiny-adam", "lr": {"steps": 0}}, "greater than 0"),
        ({"base": "proofs/tiny-adam", "lr": {"slope": 1}}, "unknown key 'slope'"),
    ],
)
def test_annealing_that_means_nothing_is_refused(parameters, message):
    with pytest.raises(SpecError, match=message):
        component("optimizer", "dynamics/annealed", **parameters)


@pytest.mark.parametrize(
    ("base", "beta2", "message"),
    [("proofs/tiny-sgd", {"end": 0.5}, "no β₂"), ("proofs/tiny-adam", {"end": 0.0}, r"would leave \[0, 1\)")],
)
def test_a_beta2_that_cannot_follow_is_refused_before_the_run(make_match, base, beta2, message):
    annealed = {"name": "dynamics/annealed", "base": base, "beta2": beta2}
    with pytest.raises(SpecError, match=message):
        make_match(optimizers=dict.fromkeys(PLAYERS, annealed))
