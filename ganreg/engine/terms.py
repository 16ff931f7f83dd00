"""What a player minimizes in a turn, term by term, and the gradients of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganreg.assembly import Term
from ganreg.engine.blame import sentence
from ganreg.errors import GanregError, PluginError

if TYPE_CHECKING:
    from ganreg.engine.match import Match
    from ganreg.engine.play import Play

Terms = dict[str, Tensor]


def terms_of(match: Match, play: Play) -> Iterator[Terms]:
    """The terms of a part of a batch, each with its share of the whole; those that share a graph come together.

    A penalty that differentiates a gradient has a graph of its own, and a large one: whoever differentiates what came
    before it first never holds both. Latents that a schedule has refined have a graph that all terms share.
    """
    due = [p for p in match.parts.penalties if p.spec.player == play.player and play.updates % p.spec.every == 0]
    with _autocast(match):
        terms = dict(match.parts.game.terms(play))
        for penalty in due:
            if not penalty.spec.double_backward:
                terms |= _weighed(penalty, play)
    for penalty in due:
        if penalty.spec.double_backward:
            if not ("z" in vars(play) and play.z.requires_grad):
                yield _shared(match, terms)
                terms = {}
            with _autocast(match), play.twice_differentiable():
                terms |= _weighed(penalty, play)
    yield _shared(match, terms)


def differentiate(match: Match, player: str, terms: Mapping[str, Tensor]) -> bool:
    """Add to the gradients of a player, where any term hangs on a weight; whether one does.

    Raises PluginError with the terms: an operation without a derivative names no part.
    """
    hanging = [value for value in terms.values() if value.requires_grad]
    trained = [*match.player(player).parameters, *match.own_weights]  # and no pictures that a penalty looks at
    try:
        if hanging:
            torch.autograd.backward(reduce(torch.add, hanging), inputs=trained)
    except (GanregError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        what = f"the backward pass of the {player}'s terms ({', '.join(terms)})"
        raise PluginError(f"{what} failed in step {match.step_index + 1}: {sentence(error)}") from error
    return bool(hanging)


def _weighed(penalty: Term, play: Play) -> Terms:
    value = penalty.built(play)
    return {} if value is None else {penalty.name: value * (penalty.spec.weight * penalty.spec.every)}


def _shared(match: Match, terms: Terms) -> Terms:
    parts = match.spec.train.accumulate
    return terms if parts == 1 else {name: value / parts for name, value in terms.items()}


def _autocast(match: Match) -> torch.autocast:
    kind = "cpu" if match.device.type == "meta" else match.device.type
    return torch.autocast(kind, dtype=torch.bfloat16, enabled=match.spec.train.precision == "bf16")
