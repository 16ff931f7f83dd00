"""What is promised in a real match: the engine's own, with the kit's parts in the other places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from ganreg.check import rehearsal
from ganreg.engine.hidden import attributes
from ganreg.engine.match import Match
from ganreg.engine.state import same
from ganreg.errors import CheckpointError, SpecError
from ganreg.spec.compatibility import ROLES, info_of, task_of
from ganreg.testing import arena
from ganreg.testing.check import Failure, check
from ganreg.testing.network import META, NUMBERLESS, TYPES
from ganreg.testing.suite import Subject
from ganreg.testing.trainable import trainable

PARTS = ("loss", "penalty", "augmentation", "schedule", "game", "optimizer")
DIRECT = (
    *("builds", "requires", "forward", "gradients", "scalar", "real-for-generator", "leaves-alone", "term"),
    *("keeps-shape", "differentiable", "descends", "players", "task-for"),
)
"""Whatever fails in one of these fails in a match as well."""

TAKEN = "write buffers in place, of one size, and let load_state_dict take whatever state_dict gives"


@check(*ROLES, *PARTS, needs=DIRECT, remedy="follow the contract of its kind: see docs/contracts.md")
def plays(subject: Subject) -> None:
    """It plays three steps of a match, and every number stays finite."""
    arena.play(arena.match(subject), 3)


@check(
    *ROLES,
    *PARTS,
    needs=("plays", "seeded"),
    remedy="draw from play.random(purpose) or a global generator, and keep what it remembers in what build returns",
)
def repeats(subject: Subject) -> None:
    """Two runs of one seed are the same, bit for bit."""
    one, other = arena.match(subject), arena.match(subject)
    for match in (one, other):
        arena.play(match, 3)
    different = _difference(one.state(), other.state())
    if different:
        raise Failure(f"two runs of one seed differ in {different}")


@check(
    *PARTS,
    needs=("repeats", "milestones"),
    remedy=NUMBERLESS,
)
def meta(subject: Subject) -> None:
    """It passes the dry run on the meta device, without numbers."""
    if subject.kind == "schedule":  # the kit's networks do not grow, and the dry run looks at their size
        match = arena.match(subject, device=META)
        for step in (0, *match.spec.schedule.milestones()):
            match.step_index = step
            match.step()
        return
    spec = arena.compose(subject)
    try:
        rehearsal(spec, task_of(spec, info_of(spec)))
    except SpecError as error:
        raise Failure(f"in the dry run: {error.mistakes[0].message}") from None


@check(*PARTS, needs=("repeats",), remedy=TYPES)
def bf16(subject: Subject) -> None:
    """Under bfloat16 autocast it plays, and every number stays finite."""
    arena.play(arena.match(subject, precision="bf16"), 2)


@check(
    *ROLES,
    *PARTS,
    needs=("repeats",),
    remedy="keep state in buffers of an nn.Module, or offer state_dict and load_state_dict",
)
def state(subject: Subject) -> None:
    """A run that is saved and loaded goes on as if it had not stopped, bit for bit: there is no hidden state."""
    whole, broken = arena.match(subject), arena.match(subject)
    arena.play(whole, 2)
    saved = arena.checkpoint(whole.state())
    try:
        broken.load(saved)
    except CheckpointError as error:
        raise Failure(f"what a run saves of it cannot be loaded: {error}", TAKEN) from None
    lost = _lost(whole, broken)
    for match in (whole, broken):
        arena.play(match, 2)
    different = _difference(whole.state(), broken.state())
    if different:
        cause = f": '{lost[0]}' is not in the checkpoint" if lost else ""
        raise Failure(f"a run that was saved and loaded differs in {different} from one that was not{cause}")
    lost = _lost(whole, broken)  # what is filled at the first use, such as a cache, is there again
    if lost:
        raise Failure(f"'{lost[0]}' changes as it plays, and is not in the checkpoint")


def _lost(whole: Match, broken: Match) -> list[str]:
    """Attributes in which two matches differ."""
    mine, theirs = attributes(whole), attributes(broken)
    return [name for name in mine if not same(mine[name], theirs.get(name))]


@check(
    *(kind for kind in (*ROLES, *PARTS) if kind not in ("schedule", "optimizer")),
    needs=("repeats",),
    remedy="change nothing but what belongs to play.player: after_update is called for every player's move",
)
def own_player(subject: Subject) -> None:
    """A player's update moves its own weights, and leaves everybody else's bit for bit as they were."""
    match = arena.match(subject)
    for player in match.players:
        weights, slopes = _weights(match), _gradients(match)
        match.update(player)
        moved = [name for name, value in _weights(match).items() if not torch.equal(value, weights[name])]
        found = _gradients(match)
        moved += [f"the gradient of {n}" for n in found if n not in slopes or not torch.equal(found[n], slopes[n])]
        own = match.player(player).names().values()
        others = [name for name in moved if name.removeprefix("the gradient of ") not in own]
        if others:
            raise Failure(f"an update of the {player} changes {others[0]}, which is not the {player}'s")
        if not moved:
            raise Failure(f"an update of the {player} moves none of its weights")


@check(*ROLES, *PARTS, needs=("plays",), remedy="leave train() and eval() to the engine")
def modes(subject: Subject) -> None:
    """A step leaves every network in the mode, training or evaluation, in which it was."""
    match = arena.match(subject)
    before = arena.modes(match)
    for _ in range(2):
        match.step()
    changed = [name for name, mode in arena.modes(match).items() if before.get(name, mode) != mode]
    if changed:
        raise Failure(f"a step changes the mode of {changed[0]}")


@check(*ROLES, *PARTS, needs=("plays",), remedy="make weights nn.Parameter of a network; of others register_buffer")
def trained(subject: Subject) -> None:
    """Every trainable tensor is moved by an optimizer."""
    match = arena.match(subject)
    before = {name: tensor.detach().clone() for name, tensor in trainable(match).items()}
    for _ in range(2):
        match.step()
    for name, tensor in trainable(match).items():
        if name in before and torch.equal(tensor, before[name]):
            raise Failure(f"'{name}' is a trainable tensor that no optimizer moves")


def _weights(match: Match) -> dict[str, Tensor]:
    return {f"{n}.{k}": p.detach().clone() for n, net in match.networks.items() for k, p in net.named_parameters()}


def _gradients(match: Match) -> dict[str, Tensor]:
    every = [(f"{n}.{k}", p.grad) for n, net in match.networks.items() for k, p in net.named_parameters()]
    return {name: grad.clone() for name, grad in every if grad is not None}


def _difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Where two states of a match differ first, in words."""
    mine, theirs = dict(_flat(one)), dict(_flat(other))
    return next((key for key in {**mine, **theirs} if not same(mine.get(key), theirs.get(key))), "")


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}" if path else str(key))
    else:
        yield path, value
