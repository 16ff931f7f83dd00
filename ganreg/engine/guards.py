"""Numbers that stop being finite stop the run before they move a weight, and are named.

On the CPU each update is judged as it comes. Elsewhere reading a number would make the host wait for the device: there
numbers stay on the device, and `check` reads them when losses are read or a checkpoint is due.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ganreg.engine.state import leaves
from ganreg.errors import DivergenceError

if TYPE_CHECKING:
    from ganreg.engine.play import Play
    from ganreg.engine.player import Player

MANY = 4096
"""Numbers that are kept on a device before they are read all the same."""


class Guard:
    """Watches the terms and gradients of a match.

    deferred: whether numbers are kept until `check`, and not read as they come.
    """

    def __init__(self, *, deferred: bool) -> None:
        self.deferred = deferred
        self._seen: list[tuple[int, str, Tensor]] = []

    def see(self, step: int, numbers: Iterable[tuple[str, Tensor]]) -> None:
        """Keep numbers of a step, with "player/term", to be read at the next `check`; very many are read here."""
        self._seen += [(step, name, value.detach().float().reshape(())) for name, value in numbers]
        if len(self._seen) >= MANY:
            self.check()

    def judge(self, play: Play, mover: Player, terms: Mapping[str, Tensor]) -> Tensor:
        """Look at the gradients and terms, by "player/term", of a player's turn before its weights move.

        The norm of all gradients. Raises DivergenceError, unless that is deferred to `check`.
        """
        norm = _norm([p.grad for p in mover.parameters if p.grad is not None])
        if self.deferred:
            self.see(play.step, [(f"{play.player}/gradient", norm)])
        elif not all(map(math.isfinite, (norm, *terms.values()))):
            cause = _cause(play, mover, terms)
            raise DivergenceError(f"step {play.step + 1}, the {play.player}'s turn: {cause} is not finite")
        return norm

    def check(self) -> None:
        """Raise DivergenceError where a number that was seen is not finite."""
        if self._seen:
            finite = torch.isfinite(torch.stack([value for *_, value in self._seen])).tolist()
            if not all(finite):
                step, name, _ = self._seen[finite.index(False)]
                player, _, term = name.partition("/")
                raise DivergenceError(f"step {step + 1}, the {player}'s turn: the term '{term}' is not finite")
            self._seen.clear()

    @contextmanager
    def collecting(self) -> Iterator[list[tuple[int, str, Tensor]]]:
        """What is seen within, with its step and name; it is not kept."""
        before, self._seen = self._seen, []
        try:
            yield self._seen
        finally:
            self._seen = before

    def forget(self) -> None:
        """Begin again, after the numbers that were seen have been taken back."""
        self._seen.clear()


@torch.no_grad()
def _norm(gradients: list[Tensor]) -> Tensor:
    """That of all of them together; torch's own function sorts them by device and type first, which takes as long."""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))) if gradients else torch.zeros(())


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
    """The path in a nested state of the first tensor that is not finite, or with `infinite` that holds a NaN.

    Of complex numbers both parts count. None where there is none. The host waits for the device once.
    """
    tensors = ((path, value) for path, value in leaves(state) if isinstance(value, Tensor) and value.numel())
    floating = {".".join(path): _reals(t) for path, t in tensors if t.is_floating_point() or t.is_complex()}
    if not floating:
        return None
    device = next(iter(floating.values())).device  # an optimizer may count on the host
    # The least and the largest number tell of all, and are found ten times as fast as a mask is filled.
    ends = [torch.stack(torch.aminmax(t)) for t in floating.values()]
    bad = [(torch.isnan(e) if infinite else ~torch.isfinite(e)).any().to(device) for e in ends]
    return next((path for path, is_bad in zip(floating, torch.stack(bad).tolist(), strict=True) if is_bad), None)


def _reals(tensor: Tensor) -> Tensor:
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor
