"""An exponential moving average of networks."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

import torch
from torch import nn


class Ema:
    """Copies of networks whose weights follow slowly: w <- d w + (1 - d) w_now, buffers as they are.

    d = min(decay, (1 + t) / (10 + t)) at step t, so that the first steps do not linger.
    """

    def __init__(self, networks: Mapping[str, nn.Module], decay: float) -> None:
        self._sources = networks
        self._decay = decay
        self.networks = {name: deepcopy(network).requires_grad_(False) for name, network in networks.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Follow the networks after step number `step`, counted from 0."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for name, copy in self.networks.items():
            source = self._sources[name]
            torch._foreach_lerp_(list(copy.parameters()), list(source.parameters()), 1 - decay)
            for buffer, now in zip(copy.buffers(), source.buffers(), strict=True):
                buffer.copy_(now)

    @torch.no_grad()
    def stage(self, index: int) -> None:
        """Grow with the networks; what is new starts at the networks' values."""
        for name, copy in self.networks.items():
            known = set(copy.state_dict())
            set_stage(copy, index)
            copy.requires_grad_(False)
            fresh = copy.state_dict()
            for key, value in self._sources[name].state_dict().items():
                if key not in known:
                    fresh[key].copy_(value)


def set_stage(network: nn.Module, index: int) -> None:
    """Tell a network that grows which stage it is in: `set_stage(index)`, where it has that method."""
    if hasattr(network, "set_stage"):
        network.set_stage(index)
