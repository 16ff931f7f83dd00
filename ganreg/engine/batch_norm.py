"""Batch normalization over the rows of all processes. torch's own serves GPUs alone, and no double backward."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ganreg.engine.world import World


def synchronize(network: nn.Module, world: World) -> None:
    """Let every batch normalization in a network see the rows of all processes while it trains.

    They become it in place: parameters, buffers and their names stay. Subclasses of strangers stay what they are.
    """
    for module in _normalizations(network):
        module.__class__ = Synchronized
        module.world = world  # type: ignore[assignment]


def normalizes(network: nn.Module) -> bool:
    """Whether `synchronize` would change a network."""
    return any(_normalizations(network))


def _normalizations(network: nn.Module) -> Iterator[nn.Module]:
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    return (module for module in network.modules() if type(module) in kinds)


class Synchronized(nn.modules.batchnorm._BatchNorm):
    """Batch normalization (Ioffe & Szegedy, 2015; arXiv:1502.03167) whose mean and variance are those of all rows."""

    world: World

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name for it
        """(N, C, …) to the same."""
        if not (self.training and self.world.divided):  # the others need not come by
            return super().forward(input)
        axes = [axis for axis in range(input.dim()) if axis != 1]
        shape = [1, -1, *[1] * (input.dim() - 2)]
        wide = input.float() if input.dtype in (torch.bfloat16, torch.float16) else input
        # In two passes: the mean of squares less the square of the mean cancels.
        mean = _mean_of_all(wide.mean(axes), self.world)
        centred = wide - mean.reshape(shape)
        variance = _mean_of_all(centred.square().mean(axes), self.world)
        if self.running_mean is not None:
            self._follow(mean, variance, input.numel() // input.shape[1] * self.world.size)
        output = centred * (variance + self.eps).rsqrt().reshape(shape)
        if self.affine:
            output = output * self.weight.reshape(shape) + self.bias.reshape(shape)
        return output.to(input.dtype)

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002 - torch's name for it
        """Take any number of them: the module was made for some."""

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Move the running statistics, as torch does."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_(variance.to(self.running_var.dtype) * (count / max(count - 1, 1)), share)


def _mean_of_all(tensor: Tensor, world: World) -> Tensor:
    mean: Tensor = _Mean.apply(tensor, world)  # type: ignore[no-untyped-call]
    return mean


class _Mean(torch.autograd.Function):
    """The mean over all processes, of a tensor and of the gradients that come back to it."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, world: World) -> Tensor:
        ctx.world = world
        mean = tensor.clone()
        world.average([mean])
        return mean

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _mean_of_all(gradient, ctx.world), None
