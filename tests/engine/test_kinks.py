"""Activations with a kink have torch's values within `SecondDerivatives`, and no second derivative to carry."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional as F

from ganreg import Penalty, Task
from ganreg.api import Run
from ganreg.engine.play import Play
from ganreg.engine.second_derivatives import SecondDerivatives

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "torch.relu": torch.relu,
    "torch.relu by keyword": lambda x: torch.relu(input=x),
    "method": Tensor.relu,
    "in place": lambda x: F.relu(x + 0, inplace=True),
    "relu_": lambda x: torch.relu_(x + 0),
    "method in place": lambda x: (x + 0).relu_(),
    "leaky": F.leaky_relu,
    "slope": lambda x: F.leaky_relu(x, 0.2),
    "keywords": lambda x: F.leaky_relu(input=x, negative_slope=0.3, inplace=False),
    "leaky in place": lambda x: F.leaky_relu(x + 0, 0.2, inplace=True),
    "leaky_": lambda x: F.leaky_relu_(x + 0, 0.2),
    "falling": lambda x: F.leaky_relu(x, -0.5),
    "then in place": lambda x: F.leaky_relu(x, 0.2).mul_(2**0.5),
    "module": nn.LeakyReLU(0.1),
    "module in place": lambda x: nn.ReLU(inplace=True)(x + 0),
}
activations = pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)


def inputs(dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 4, 4, generator=generator, dtype=dtype)
    x[0, 0, 0] = 0
    return x.requires_grad_()


@activations
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_values_and_gradients_are_torchs(activation: Callable[[Tensor], Tensor], order: torch.memory_format) -> None:
    x = inputs().detach().contiguous(memory_format=order).requires_grad_()
    expected = activation(x)
    with SecondDerivatives():
        found = activation(x)
    assert torch.equal(found, expected)
    cotangent = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    assert torch.equal(torch.autograd.grad(found, x, cotangent)[0], torch.autograd.grad(expected, x, cotangent)[0])


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # by torch's own forward derivatives
@activations
def test_forward_derivatives_are_torchs(activation: Callable[[Tensor], Tensor]) -> None:
    x, tangent = inputs(), torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    found = []
    for straight in (False, True):
        with forward_ad.dual_level():
            dual = forward_ad.make_dual(x, tangent)
            if straight:
                with SecondDerivatives():
                    y = activation(dual)
            else:
                y = activation(dual)
            found.append(forward_ad.unpack_dual(y).tangent)
    assert torch.equal(*found)
    with SecondDerivatives():
        _, mapped = torch.func.jvp(activation, (x.detach(),), (tangent,))
    assert torch.equal(mapped, found[0])


@activations
def test_a_second_derivative_is_that_of_what_surrounds_it(activation: Callable[[Tensor], Tensor]) -> None:
    x = (inputs(torch.float64).detach() + 0.1).requires_grad_()

    def curved(x: Tensor) -> Tensor:
        with SecondDerivatives():
            return activation(x * x * x).sin()

    assert torch.autograd.gradcheck(curved, x)
    assert torch.autograd.gradgradcheck(curved, x)


def test_a_penalty_has_the_gradient_that_torch_gives_it() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(4, 4, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64, 1),
    ).double()
    images = torch.randn(3, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    found = []
    for straight in (False, True):
        with SecondDerivatives() if straight else torch.enable_grad():
            (slope,) = torch.autograd.grad(network(images).sum(), images, create_graph=True)
        weights = [p for name, p in network.named_parameters() if name != "6.bias"]
        gradients = torch.autograd.grad(slope.square().sum(), weights, allow_unused=True)
        found.append([torch.zeros_like(p) if g is None else g for p, g in zip(weights, gradients, strict=True)])
    for expected, gradient in zip(*found, strict=True):
        torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=1e-12)


class Looking(Penalty, name="looking"):
    """R1 at pictures that it keeps, times a weight of its own."""

    double_backward = True
    keep: Callable[[Any], None]

    def build(self, task: Task) -> nn.Module:
        return Weighing(self.keep)


class Weighing(nn.Module):
    """What `looking` builds."""

    def __init__(self, keep: Callable[[Any], None]) -> None:
        super().__init__()
        self.keep = keep
        self.factor = nn.Parameter(torch.ones(()))

    def forward(self, play: Play) -> Tensor:
        images = play.real.detach().requires_grad_()
        self.keep([images, self.factor])
        slope = play.gradients_of(play.discriminate(images), images)
        return self.factor * slope.square().sum(dim=(1, 2, 3)).mean()


def test_a_turn_has_gradients_of_weights_and_of_no_pictures(tiny: Callable[..., Run]) -> None:
    kept: list[Any] = []
    match = tiny(penalties=[Looking(keep=kept.extend)]).assemble().match
    match.gradients("discriminator")
    images, factor = kept[-2:]
    assert images.grad is None
    assert factor.grad is not None
    assert all(p.grad is not None for p in match.player("discriminator").parameters)
    assert all(p.grad is None for p in match.player("generator").parameters)
