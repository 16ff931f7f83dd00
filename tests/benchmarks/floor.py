"""The matrix work of a step alone: each convolution and dense layer, forward and backward, nothing between them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, linear

LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def matrix_work(networks: dict[str, nn.Module], step: Callable[[], None]) -> Callable[[], None]:
    """A function that does the matrix work of a step, whose layers are watched once."""
    calls: list[tuple[Callable[[Tensor, Tensor], Tensor], Tensor, Tensor, Tensor]] = []

    def watch(layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        x, weight = inputs[0], layer.weight
        tensors = (
            torch.randn_like(tensor.detach()).requires_grad_(output.requires_grad and tensor.requires_grad)
            for tensor in (x, weight)
        )
        calls.append((operation(layer), *tensors, torch.randn_like(output.detach())))

    layers = [layer for network in networks.values() for layer in network.modules() if isinstance(layer, LAYERS)]
    hooks = [layer.register_forward_hook(watch) for layer in layers]
    step()
    for hook in hooks:
        hook.remove()

    def work() -> None:
        for operate, x, weight, gradient in calls:
            sources = [tensor for tensor in (x, weight) if tensor.requires_grad]
            output = operate(x, weight)
            if sources:
                torch.autograd.grad(output, sources, gradient)

    return work


def operation(layer: Any) -> Callable[[Tensor, Tensor], Tensor]:
    """What a layer does with pictures and weights."""
    if isinstance(layer, nn.Linear):
        return linear
    shape = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation, "groups": layer.groups}
    if isinstance(layer, nn.Conv2d):
        return partial(conv2d, **shape)
    return partial(conv_transpose2d, output_padding=layer.output_padding, **shape)
