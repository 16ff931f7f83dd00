"""Which networks take to an order in memory with their channels last."""

from __future__ import annotations

from torch import nn

LARGE = 8192
"""Numbers in a kernel from which on its order matters."""


def convolves(network: nn.Module) -> bool:
    """Whether layers of torch's convolve in a network, by kernels of some size.

    What makes its kernels anew in each forward, one for each picture as in StyleGAN2, would only copy them around.
    """
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    return any(isinstance(layer, kinds) and layer.weight.numel() >= LARGE for layer in network.modules())
