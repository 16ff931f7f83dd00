"""Activations that are straight but for a kink, as what is differentiated twice should see them.

Their second derivative is zero. torch has it that way, and carries the zeros back through the whole network: a third of
what a gradient penalty takes. Here nothing is carried. Values and gradients are torch's own, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Call = tuple[Tensor, float | None, bool]


def _relu(input: Tensor, inplace: bool = False) -> Call:  # noqa: A002 - as torch calls it
    return input, None, inplace


def _leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Call:  # noqa: A002 - as torch calls it
    return input, negative_slope, inplace


def _relu_in_place(input: Tensor) -> Call:  # noqa: A002 - as torch calls it
    return input, None, True


def _leaky_relu_in_place(input: Tensor, negative_slope: float = 0.01) -> Call:  # noqa: A002 - as torch calls it
    return input, negative_slope, True


CALLS: Mapping[Any, Callable[..., Call]] = {
    functional.relu: _relu,
    torch.relu: _relu,
    Tensor.relu: _relu,
    torch.relu_: _relu_in_place,
    Tensor.relu_: _relu_in_place,
    functional.leaky_relu: _leaky_relu,
    functional.leaky_relu_: _leaky_relu_in_place,
}
"""From the arguments of each to the tensor, the slope below zero, or None for no slope at all, and whether in place."""


def bend(function: Callable[..., Tensor], arguments: Sequence[Any], options: Mapping[str, Any]) -> Tensor:
    """Call one of CALLS; what comes of it has no second derivative."""
    x, slope, inplace = CALLS[function](*arguments, **options)
    if torch.is_grad_enabled() and x.requires_grad and (slope is None or slope >= 0):
        return _Kinked.apply(x, slope, inplace)  # type: ignore[no-any-return, no-untyped-call]
    return function(*arguments, **options)


class _Kinked(torch.autograd.Function):
    """relu, or leaky relu of a slope that is not negative.

    What is kept, to tell on which side of 0 x was, is what torch keeps: x of leaky relu, so that the result may be
    changed in place by what follows, and else the result.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float | None, inplace: bool) -> Tensor:
        y = functional.relu(x, inplace) if slope is None else functional.leaky_relu(x, slope, inplace)
        if inplace:
            ctx.mark_dirty(x)
        kept = y if inplace or slope is None else x
        ctx.save_for_backward(kept)
        ctx.save_for_forward(kept)
        ctx.slope, ctx.inplace = slope, inplace
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (kept,) = ctx.saved_tensors
        return _times_slope(gradient, kept.detach(), ctx.slope), None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        (kept,) = ctx.saved_tensors
        moved = _times_slope(tangent, kept.detach(), ctx.slope)
        return tangent.copy_(moved) if ctx.inplace else moved


def _times_slope(gradient: Tensor, kept: Tensor, slope: float | None) -> Tensor:
    aten = torch.ops.aten
    if gradient.dim() == 4 and gradient.stride() != kept.stride():  # which takes several times as long
        last = kept.is_contiguous(memory_format=torch.channels_last)
        gradient = gradient.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)
    found: Tensor = (
        aten.threshold_backward(gradient, kept, 0)
        if slope is None
        else aten.leaky_relu_backward(gradient, kept, slope, True)
    )
    return found
