"""Which networks take to an order in memory with their channels last."""

from __future__ import annotations

from math import prod

from torch import nn

LARGE = 8192
"""Numbers in a kernel from which on its order matters."""


def convolves(network: nn.Module) -> bool:
    """Whether layers of torch's convolve in a network, by kernels of some size.

    What makes its kernels anew in each forward, one for each picture as in StyleGAN2, would only copy them around.
    """
    return any(_size(m) >= LARGE for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d))


def _size(layer: nn.Conv2d | nn.ConvTranspose2d) -> int:
    """Numbers in its kernel. Some have none before the first forward, and to look at some changes them."""
    return layer.in_channels * layer.out_channels * prod(layer.kernel_size) // layer.groups
