"""Numbers that stop being finite are noticed without making the host wait for the device."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ganreg.errors import DivergenceError

NEVER = 2**62


class Guard:
    """Remembers on the device, per term, the first step at which it was not finite; `check` reads that."""

    def __init__(self) -> None:
        self._first: dict[str, Tensor] = {}

    def see(self, step: int, terms: Mapping[str, Tensor]) -> None:
        """Look at the terms of a player's turn, by the name of player and term."""
        for name, value in terms.items():
            seen = torch.where(torch.isfinite(value.detach()), NEVER, step)
            self._first[name] = torch.minimum(self._first[name], seen) if name in self._first else seen

    def check(self, networks: Mapping[str, nn.Module]) -> None:
        """Raise DivergenceError where a term was, or a weight or buffer is, not finite."""
        if self._first:
            steps = torch.stack([value.reshape(()) for value in self._first.values()]).tolist()
            step, name = min(zip(steps, self._first, strict=True))
            if step < NEVER:
                player, _, term = name.partition("/")
                raise DivergenceError(f"step {step + 1}: the {player}'s term '{term}' is not finite")
        for name, network in networks.items():
            floating = {k: t for k, t in network.state_dict().items() if t.is_floating_point()}
            if floating:
                finite = torch.stack([torch.isfinite(t).all() for t in floating.values()]).tolist()
                bad = [key for key, good in zip(floating, finite, strict=True) if not good]
                if bad:
                    raise DivergenceError(f"'{bad[0]}' of the network '{name}' is not finite")
