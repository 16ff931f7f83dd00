"""Numbers that stop being finite stop the run before they move a weight, and are named.

On the CPU each update is judged as it comes. Elsewhere reading a number would make the host wait for the device: there
a bad update is remembered on the device, and `check` reads that when losses are read or a checkpoint is due.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ganreg.errors import DivergenceError

if TYPE_CHECKING:
    from ganreg.engine.play import Play
    from ganreg.engine.player import Player

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

    def judge(self, play: Play, mover: Player, terms: Mapping[str, Tensor]) -> Tensor:
        """Look at the gradients and terms, by "player/term", of a player's turn before its weights move.

        The norm of all gradients. Raises DivergenceError on the CPU; elsewhere `check` will.
        """
        norm = nn.utils.get_total_norm([p.grad for p in mover.parameters if p.grad is not None])
        if norm.device.type == "cpu":
            if not all(map(math.isfinite, (norm, *terms.values()))):
                cause = _cause(play, mover, terms)
                raise DivergenceError(f"step {play.step + 1}, the {play.player}'s turn: {cause} is not finite")
        elif norm.device.type != "meta":
            self.see(play.step, {f"{play.player}/gradient": norm})
        return norm

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


def _cause(play: Play, mover: Player, terms: Mapping[str, Tensor]) -> str:
    """The first of data, weights, terms and gradients of a turn that is not finite, in words.

    Gradients may be finite each and too large for their norm, of which an optimizer makes no sound step either.
    """
    if not torch.isfinite(play.pictures).all():
        return f"a real picture of the {play.player}'s batch"
    if found := unsound(play.networks):
        return found
    for name, value in terms.items():
        if not torch.isfinite(value):
            return f"the term '{name.partition('/')[2]}'"
    names = mover.names()
    for parameter in mover.parameters:
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
            return f"the gradient of '{names[id(parameter)]}'"
    return "the norm of the gradient"


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
