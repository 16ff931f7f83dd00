"""Numbers that stop being finite stop the run before they move a weight, and are named.

On the CPU each update is judged as it comes. Elsewhere reading a number would make the host wait for the device: there
a bad update is remembered on the device, and `check` reads that when losses are read or a checkpoint is due.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ganreg.errors import DivergenceError

NEVER = 2**62


class Guard:
    """Watches the terms and gradients of a match."""

    def __init__(self) -> None:
        self._first: dict[str, Tensor] = {}

    def see(self, step: int, numbers: Mapping[str, Tensor]) -> None:
        """Remember the first step at which each number, by "player/term", was not finite."""
        for name, value in numbers.items():
            seen = torch.where(torch.isfinite(value.detach()), NEVER, step)
            self._first[name] = torch.minimum(self._first[name], seen) if name in self._first else seen

    def judge(
        self, step: int, player: str, gradients: list[Tensor], terms: list[Tensor], cause: Callable[[], str]
    ) -> None:
        """Look at a player's gradients and terms before its weights move; `cause` says what is wrong, where it is.

        Raises DivergenceError on the CPU; elsewhere `check` will.
        """
        norm = nn.utils.get_total_norm(gradients)
        if norm.device.type == "cpu":
            if not all(map(math.isfinite, (norm, *terms))):
                raise DivergenceError(f"step {step + 1}, the {player}'s turn: {cause()} is not finite")
        elif norm.device.type != "meta":
            self.see(step, {f"{player}/gradient": norm})

    def check(self, networks: Mapping[str, nn.Module]) -> None:
        """Raise DivergenceError where a number that was seen, or a weight or buffer now, is not finite."""
        if self._first:
            steps = torch.stack([value.reshape(()) for value in self._first.values()]).tolist()
            step, name = min(zip(steps, self._first, strict=True))
            if step < NEVER:
                player, _, term = name.partition("/")
                raise DivergenceError(f"step {step + 1}, the {player}'s turn: the term '{term}' is not finite")
        if found := unsound(networks):
            raise DivergenceError(f"{found} is not finite")

    def forget(self) -> None:
        """Begin again, after the numbers that were seen have been taken back."""
        self._first.clear()


def unsound(networks: Mapping[str, nn.Module]) -> str | None:
    """The first weight or buffer of these networks that is not finite, in words; None where all are."""
    for name, network in networks.items():
        if key := first_bad(network.state_dict()):
            return f"'{key}' of the network '{name}'"
    return None


def first_bad(state: Any, *, infinite: bool = False) -> str | None:
    """The path in a nested state of the first floating tensor that is not finite, or with `infinite` that holds a NaN.

    None where there is none. The host waits for the device once.
    """
    floating = dict(_floating(state))
    if not floating:
        return None
    device = next(iter(floating.values())).device  # an optimizer may count on the host
    bad = [(torch.isnan(t) if infinite else ~torch.isfinite(t)).any().to(device) for t in floating.values()]
    return next((path for path, is_bad in zip(floating, torch.stack(bad).tolist(), strict=True) if is_bad), None)


def _floating(value: Any, path: str = "") -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        if value.is_floating_point():
            yield path, value
    elif isinstance(value, Mapping | list | tuple):
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _floating(item, f"{path}.{key}" if path else str(key))
