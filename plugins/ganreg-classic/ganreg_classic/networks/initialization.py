"""How DCGAN's weights start."""

from __future__ import annotations

from torch import nn


def dcgan_(network: nn.Module) -> None:
    """Weights from N(0, 0.02²), biases zero (Radford et al., 2015; arXiv:1511.06434, section 4)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
