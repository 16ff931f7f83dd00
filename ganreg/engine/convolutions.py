"""Convolutions whose gradient by their input is differentiated as its formula says.

With gx = g * W, the transposed convolution of the gradient g that comes in, a change v of gx is one of v ⋆ W in g, and
one in W that is the gradient of W where v is the input: a convolution's own backward pass. torch turns batch and
channels about for it, which copies both, and convolves by kernels as large as pictures: 1.5 to 9 times the time on a
CPU. Values and first gradients are torch's own, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

CALLS = (
    functional.conv1d,
    functional.conv2d,
    functional.conv3d,
    functional.conv_transpose1d,
    functional.conv_transpose2d,
    functional.conv_transpose3d,
)
GEOMETRY = ("stride", "padding", "dilation", "transposed", "output_padding", "groups")
"""In the order in which torch's operators take them."""
Geometry = tuple[Any, ...]


def convolve(function: Callable[..., Tensor], arguments: Sequence[Any], options: Mapping[str, Any]) -> Tensor:
    """Call one of CALLS; what comes of it is cheap to differentiate twice."""
    result = function(*arguments, **options)
    node = result.grad_fn
    if node is not None and node.name() == "ConvolutionBackward0":
        weight = (arguments[1] if len(arguments) > 1 else options["weight"]).to(result.dtype)  # as autocast has it
        geometry = tuple(getattr(node, f"_saved_{name}") for name in GEOMETRY)

        def by_formula(found: tuple[Tensor | None, ...], given: tuple[Tensor, ...]) -> Any:
            by_input = found[0]
            if not torch.is_grad_enabled() or by_input is None or not by_input.requires_grad:
                return None
            return (_ByInput.apply(given[0], weight, (by_input.detach(), geometry)), *found[1:])  # type: ignore[no-untyped-call]

        node.register_hook(by_formula)
    return result


class _ByInput(torch.autograd.Function):
    """The gradient by the input, as torch has found it."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, weight: Tensor, found: tuple[Tensor, Geometry]) -> Tensor:
        by_input, ctx.geometry = found
        ctx.shape = by_input.shape
        ctx.save_for_backward(gradient, weight)
        ctx.save_for_forward(gradient, weight)
        return by_input

    @staticmethod
    def backward(ctx: Any, change: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        gradient, weight = ctx.saved_tensors
        by_gradient, by_weight, _ = ctx.needs_input_grad
        of_gradient = torch.ops.aten.convolution(change, weight, None, *ctx.geometry) if by_gradient else None
        of_weight = _by_weight(gradient, change, weight, ctx.geometry) if by_weight else None
        return of_gradient, of_weight, None

    @staticmethod
    def jvp(ctx: Any, gradient_moves: Tensor, weight_moves: Tensor, _: None) -> Tensor:
        gradient, weight = ctx.saved_tensors
        of_gradient = _by_input(gradient_moves, weight, ctx.shape, ctx.geometry)
        return of_gradient + _by_input(gradient, weight_moves, ctx.shape, ctx.geometry)


def _by_input(gradient: Tensor, weight: Tensor, shape: torch.Size, geometry: Geometry) -> Tensor:
    """A convolution's gradient by its input, of that shape."""
    parts = (True, False, False)
    like = gradient.new_empty(shape)
    found: Tensor = torch.ops.aten.convolution_backward(gradient, like, weight, None, *geometry, parts)[0]
    return found


def _by_weight(gradient: Tensor, inputs: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    """A convolution's gradient by its weight."""
    parts = (False, True, False)
    found: Tensor = torch.ops.aten.convolution_backward(gradient, inputs, weight, None, *geometry, parts)[1]
    return found
