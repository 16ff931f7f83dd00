"""Convolutions have torch's values within `SecondDerivatives`, and second derivatives by their formula."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm
from torch.utils.checkpoint import checkpoint

from ganreg.engine.second_derivatives import SecondDerivatives

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
Call = Callable[[Tensor, Tensor, Tensor], Tensor]
PLAIN: dict[str, tuple[Call, tuple[int, ...], tuple[int, ...]]] = {
    "1d": (lambda x, w, b: F.conv1d(x, w, b, padding=1), (2, 2, 6), (4, 2, 3)),
    "2d": (F.conv2d, (2, 2, 5, 5), (4, 2, 3, 3)),
    "torch.conv2d": (torch.conv2d, (2, 2, 5, 5), (4, 2, 3, 3)),
    "3d": (lambda x, w, b: F.conv3d(x, w, b, stride=2, padding=1), (1, 2, 4, 4, 4), (4, 2, 3, 3, 3)),
    "stride": (lambda x, w, b: F.conv2d(x, w, b, 2, 1), (2, 2, 6, 6), (4, 2, 4, 4)),
    "a row over": (lambda x, w, b: F.conv2d(x, w, b, 2, 1), (2, 2, 7, 7), (4, 2, 4, 4)),
    "uneven": (lambda x, w, b: F.conv2d(x, w, b, (2, 1), (0, 1)), (2, 2, 6, 5), (4, 2, 3, 2)),
    "dilation": (lambda x, w, b: F.conv2d(x, w, b, padding=2, dilation=2), (2, 2, 6, 6), (4, 2, 3, 3)),
    "groups": (lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=2), (2, 4, 4, 4), (4, 2, 3, 3)),
    "depthwise": (lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=4), (2, 4, 4, 4), (4, 1, 3, 3)),
    "same": (lambda x, w, b: F.conv2d(x, w, b, padding="same"), (2, 2, 5, 5), (4, 2, 3, 3)),
    "same, uneven": (lambda x, w, b: F.conv2d(x, w, b, padding="same"), (2, 2, 5, 5), (4, 2, 2, 2)),
    "by names": (lambda x, w, b: F.conv2d(weight=w, bias=b, input=x), (2, 2, 5, 5), (4, 2, 3, 3)),
    "no bias": (lambda x, w, b: F.conv2d(x, w) + 0 * b[:, None, None], (2, 2, 5, 5), (4, 2, 3, 3)),
    "one picture": (F.conv2d, (2, 5, 5), (4, 2, 3, 3)),
}
TRANSPOSED: dict[str, tuple[Call, tuple[int, ...], tuple[int, ...]]] = {
    "transposed 1d": (lambda x, w, b: F.conv_transpose1d(x, w, b, 2), (2, 2, 4), (2, 4, 3)),
    "transposed": (lambda x, w, b: F.conv_transpose2d(x, w, b, 2, 1), (2, 2, 4, 4), (2, 4, 4, 4)),
    "transposed 3d": (lambda x, w, b: F.conv_transpose3d(x, w, b, 2), (1, 2, 2, 2, 2), (2, 4, 2, 2, 2)),
    "a row more": (lambda x, w, b: F.conv_transpose2d(x, w, b, 2, 1, 1), (2, 2, 3, 3), (2, 4, 3, 3)),
    "transposed groups": (lambda x, w, b: F.conv_transpose2d(x, w, b, 2, 1, 0, 2), (2, 4, 3, 3), (4, 2, 4, 4)),
}
CONVOLUTIONS = PLAIN | TRANSPOSED
convolutions = pytest.mark.parametrize("name", CONVOLUTIONS)


def made(name: str, dtype: torch.dtype = torch.float64) -> tuple[Call, list[Tensor]]:
    """A call and what it takes; the bias is of four channels."""
    function, *shapes = CONVOLUTIONS[name]
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(shape, generator=generator, dtype=dtype) for shape in (*shapes, (4,))]
    return function, [tensor.requires_grad_() for tensor in inputs]


def within(function: Call) -> Call:
    """The same as penalties call it."""

    def call(*inputs: Tensor) -> Tensor:
        with SecondDerivatives():
            return function(*inputs)

    return call


@convolutions
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_gradients_are_torchs(name: str, dtype: torch.dtype) -> None:
    function, inputs = made(name, dtype)
    expected, found = function(*inputs), within(function)(*inputs)
    assert torch.equal(found, expected)
    cotangent = torch.randn(found.shape, generator=torch.Generator().manual_seed(1), dtype=dtype)
    for graph in (False, True):
        mine = torch.autograd.grad(found, inputs, cotangent, create_graph=graph, retain_graph=True)
        torchs = torch.autograd.grad(expected, inputs, cotangent, create_graph=graph, retain_graph=True)
        assert all(torch.equal(a, b) for a, b in zip(mine, torchs, strict=True))


@convolutions
def test_second_derivatives_are_right(name: str) -> None:
    function, inputs = made(name)
    assert torch.autograd.gradgradcheck(within(function), inputs)


def penalty(function: Call, inputs: list[Tensor]) -> Tensor:
    """What has derivatives of any order in all of the inputs."""
    slopes = torch.autograd.grad(function(*inputs).sin().sum(), inputs, create_graph=True)
    return torch.stack([slope.square().sum() for slope in slopes[:2]]).sum()


@pytest.mark.parametrize("name", [name for name in CONVOLUTIONS if name != "a row more"])  # where torch's own fails
def test_so_are_third_derivatives(name: str) -> None:
    function, inputs = made(name)
    found = []
    for call in (function, within(function)):
        twice = torch.autograd.grad(penalty(call, inputs), inputs, create_graph=True)
        found.append(torch.autograd.grad(torch.stack([t.sin().sum() for t in twice]).sum(), inputs))
    for mine, torchs in zip(*found, strict=True):
        torch.testing.assert_close(mine, torchs, rtol=1e-9, atol=1e-9)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # by torch's own forward derivatives
@convolutions
def test_a_gradient_has_torchs_forward_derivative(name: str) -> None:
    function, inputs = made(name)
    found = []
    for call in (function, within(function)):
        with forward_ad.dual_level():
            moving = [forward_ad.make_dual(t, torch.ones_like(t)) for t in inputs]
            slopes = torch.autograd.grad(call(*moving).sin().sum(), moving, create_graph=True)
            found.append([forward_ad.unpack_dual(slope).tangent for slope in slopes])
    for mine, torchs in zip(*found, strict=True):
        torch.testing.assert_close(mine, torchs, rtol=1e-12, atol=1e-12)


def test_the_longer_way_is_not_taken() -> None:
    function, (x, weight, bias) = made("2d", torch.float32)
    for call, expected in ((function, {"ConvolutionBackwardBackward0"}), (within(function), set())):
        (slope,) = torch.autograd.grad(call(x, weight, bias).sum(), x, create_graph=True)
        assert {node for node in names(slope.grad_fn) if "Convolution" in node} == expected


def names(node: Any) -> set[str]:
    """Of a node and of all that it leads to."""
    return set() if node is None else {node.name()}.union(*(names(after) for after, _ in node.next_functions))


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_a_network_has_the_gradients_that_torch_gives_it(order: torch.memory_format, bf16: bool) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        spectral_norm(nn.Conv2d(1, 8, 4, 2, 1)),
        nn.SiLU(),
        nn.ConvTranspose2d(8, 8, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(8, 4, 3, padding=1),
        nn.Flatten(),
        nn.Linear(4 * 64, 1),
    ).eval()  # of which spectral normalization stands still
    network.to(memory_format=order)
    check_gradients(network, torch.randn(4, 1, 8, 8), bf16=bf16)


def check_gradients(network: nn.Module, images: Tensor, *, bf16: bool) -> None:
    """Raise where those of a gradient penalty are not torch's, to rounding."""
    images = images.requires_grad_()
    found = []
    for mode in (nullcontext(), SecondDerivatives()):
        with mode, torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=bf16):
            (slope,) = torch.autograd.grad(network(images).sum(), images, create_graph=True)
        weights = [weight for weight in network.parameters() if weight.dim() > 1]
        found.append(torch.autograd.grad(slope.square().sum(), weights))
    tolerance = 3e-2 if bf16 else 1e-4
    for mine, torchs in zip(*found, strict=True):
        assert mine.dtype == torch.float32
        torch.testing.assert_close(mine, torchs, rtol=tolerance, atol=tolerance * float(torchs.abs().max()))


def test_layers_that_are_computed_again_or_shared_are_no_others() -> None:
    torch.manual_seed(0)
    shared = nn.Conv2d(2, 2, 3, padding=1).double()
    body = nn.Sequential(shared, nn.Tanh(), nn.Conv2d(2, 2, 3, padding=1).double(), nn.SiLU(), shared)
    images = torch.randn(2, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    found = []
    for mode, again in ((nullcontext(), False), (SecondDerivatives(), False), (SecondDerivatives(), True)):
        with mode:
            said = checkpoint(body, images, use_reentrant=False) if again else body(images)
            (slope,) = torch.autograd.grad(said.sin().sum(), images, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), list(body.parameters())))
    for mine in found[1:]:
        for gradient, expected in zip(mine, found[0], strict=True):
            torch.testing.assert_close(gradient, expected, rtol=1e-9, atol=1e-9)


def test_weights_that_changed_meanwhile_are_noticed() -> None:
    function, (x, weight, bias) = made("2d")
    (slope,) = torch.autograd.grad(within(function)(x, weight, bias).sum(), x, create_graph=True)
    with torch.no_grad():
        weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        slope.square().sum().backward()
