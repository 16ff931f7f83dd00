"""What a player minimizes in a turn, term by term, and the gradients of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import reduce
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ganreg.assembly import Term
from ganreg.engine.blame import sentence
from ganreg.errors import GanregError, PluginError

if TYPE_CHECKING:
    from ganreg.engine.match import Match
    from ganreg.engine.play import Play

Terms = dict[str, Tensor]


def terms_of(match: Match, play: Play) -> Terms:
    """The terms of a part of a batch, each with its share of the whole."""
    with _precision(match):
        terms = dict(match.parts.game.terms(play))
        for penalty in due(match, play):
            with play.twice_differentiable() if penalty.spec.double_backward else nullcontext():
                value = penalty.built(play)
            if value is not None:
                terms[penalty.name] = value * (penalty.spec.weight * penalty.spec.every)
    parts = match.spec.train.accumulate
    return terms if parts == 1 else {name: value / parts for name, value in terms.items()}


def _precision(match: Match) -> AbstractContextManager[Any]:
    """Autocast as the spec says; what stands outside counts for nothing."""
    kind = "cpu" if match.device.type == "meta" else match.device.type
    half = match.spec.train.precision == "bf16"
    if half or torch.is_autocast_enabled(kind):
        return torch.autocast(kind, dtype=torch.bfloat16, enabled=half)
    return nullcontext()


def due(match: Match, play: Play) -> list[Term]:
    """The penalties of the player whose turn it is that come in this one."""
    return [p for p in match.parts.penalties if p.spec.player == play.player and play.updates % p.spec.every == 0]


def differentiate(match: Match, player: str, terms: Mapping[str, Tensor], gathered: Sequence[Tensor]) -> None:
    """Fill the gradients of a player. Raises PluginError with the terms: torch's own words name no part.

    gathered: what the backward pass has to reach in all processes.
    """
    for name, value in terms.items():
        if not isinstance(value, Tensor):
            told = f"the {player}'s term '{name}' is a {type(value).__name__} in step {match.step_index + 1}"
            raise PluginError(f"{told}: it must be a tensor")
    mover = match.player(player)
    trained = [*mover.parameters, *match.own_weights]  # and no pictures that a penalty looks at
    try:
        reached = [0 * tensor.real.sum() for tensor in gathered]
        torch.autograd.backward(reduce(torch.add, [*terms.values(), *reached]), inputs=trained)
    except (GanregError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        what = f"the backward pass of the {player}'s terms ({', '.join(terms)}) failed in step {match.step_index + 1}"
        if frozen := [mover.names()[id(p)] for p in mover.parameters if not p.requires_grad]:
            named = ", ".join(map(repr, frozen[:3])) + (f" and {len(frozen) - 3} more" if frozen[3:] else "")
            told = f"somebody has frozen {named}, which trained when the run began"
            raise PluginError(f"{what}: {told}; what is not to train is frozen where its network is built") from error
        raise PluginError(f"{what}: {sentence(error)}") from error
