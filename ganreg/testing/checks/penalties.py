"""Penalties: a term for the right player, and the truth about its derivatives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from ganreg.rng import rekey
from ganreg.testing import arena, partners
from ganreg.testing.check import Failure, check
from ganreg.testing.network import build, shape_of
from ganreg.testing.suite import Subject


@check(
    "penalty",
    needs=("builds", "requires", "its-player"),
    remedy="return one number that depends on the player's own networks",
    first=True,
)
def term(subject: Subject) -> None:
    """Its term is one finite number, whose gradient reaches its player; or None, for a constraint on weights."""
    match = arena.match(subject)
    value = _term(match, subject)
    if value is None:
        return
    if not isinstance(value, Tensor) or value.numel() != 1:
        raise Failure(f"its term is {shape_of(value)}, not one number", "reduce it: .mean()")
    if not value.isfinite():
        raise Failure("its term is not finite")
    parameters = match.player(_player(subject)).parameters
    found = torch.autograd.grad(value, parameters, allow_unused=True) if value.requires_grad else ()
    if not any(g is not None for g in found) and value.item() != 0:
        raise Failure(
            f"no gradient of its term reaches the {_player(subject)}, whose term it is",
            "name the player that it is for: player = …; and compute without detach or no_grad",
        )
    if not all(g.isfinite().all() for g in found if g is not None):
        raise Failure(
            "the gradient of its term is not finite", "take no square root or norm of what may be 0: add an epsilon"
        )


@check("penalty", needs=("term",), remedy="work on copies: play.real.detach().clone()")
def leaves_alone(subject: Subject) -> None:
    """The pictures and the noise of the turn stay as they are, and gradients too."""
    match = arena.match(subject)
    parameters = [p for network in match.networks.values() for p in network.parameters()]
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    with match.turn(_player(subject)) as play:
        before = play.real.clone(), play.fake.clone(), play.z.clone()
        match.parts.penalties[0].built(play)
        if not all(map(torch.equal, before, (play.real, play.fake, play.z))):
            raise Failure("it changes the pictures or the noise in place")
    if not all(p.grad is not None and torch.equal(p.grad, torch.ones_like(p)) for p in parameters):
        raise Failure(
            "it changes the gradients of weights: it calls backward itself, or clears them",
            "take gradients with torch.autograd.grad, and return the term: only the engine calls backward",
        )


@check("penalty", needs=("repeats",), remedy="return the term alone: the engine multiplies it by weight, and by every")
def unweighted(subject: Subject) -> None:
    """Its term leaves out weight and interval, which the engine multiplies it by."""
    values = []
    for weight, every in ((1.0, 1), (3.0, 1), (1.0, 2)):
        match = arena.match(subject)
        its = subject.make().model_copy(update={"weight": weight, "every": every})
        with torch.random.fork_rng():
            built = build(its, match.parts.task)
        with match.turn(_player(subject)) as play:
            rekey(0)  # as at each step: whoever draws from a global generator has the same numbers
            values.append(built(play))
    if any(value is not None and not torch.equal(value, values[0]) for value in values):
        raise Failure("its term depends on its weight or interval, and so counts them twice")


@check("penalty", needs=("term",), remedy="double_backward = True, in the class")
def says_double_backward(subject: Subject) -> None:
    """A penalty that differentiates a gradient says so: a compiled network cannot."""
    part: Any = subject.part
    match = arena.match(subject)
    with _create_graph() as seen:
        _term(match, subject)
    if seen and not part.double_backward:
        raise Failure("it calls torch.autograd.grad with create_graph, and double_backward is False")


@check("penalty", needs=("term",), remedy="take dtypes and devices from the inputs: dtype=play.real.dtype")
def float64(subject: Subject) -> None:
    """It takes pictures and networks in float64."""
    cast, _ = arena.company(subject)
    if not isinstance(cast["generator"], partners.Maker) or not isinstance(cast["discriminator"], partners.Judge):
        return  # the noise is float32, which others need not take
    value = _term(arena.match(subject, double=True), subject)
    if value is not None and not value.isfinite():
        raise Failure("in float64 its term is not finite")


def _term(match: arena.Arena, subject: Subject) -> Any:
    """What the penalty itself returns in its player's first turn."""
    (its,) = match.parts.penalties
    with match.turn(_player(subject)) as play:
        return its.built(play)


@contextmanager
def _create_graph() -> Iterator[list[bool]]:
    """Whether a gradient is taken inside that can be differentiated itself."""
    seen: list[bool] = []
    original = torch.autograd.grad

    def grad(*arguments: Any, **words: Any) -> Any:
        if words.get("create_graph") or (len(arguments) > 4 and arguments[4]):
            seen.append(True)
        return original(*arguments, **words)

    with patch.object(torch.autograd, "grad", grad):
        yield seen


def _player(subject: Subject) -> str:
    part: Any = subject.part
    player: str = part.player
    return player
