"""Schedules: every player moves, as often as is said, and nothing is left behind."""

from __future__ import annotations

from typing import Any

from ganreg.testing import arena
from ganreg.testing.check import Failure, check
from ganreg.testing.suite import Subject

PATIENCE = 128
"""Steps after which every player must have moved: some warm one of them up first."""

COUNTS = (1, 2, 3)
"""Values that a parameter such as discriminator_steps is tried with."""

STEPS = 6
"""In so many steps all of them come out even."""


@check("schedule", needs=("plays",), remedy="call game.update(player) for every player, outside lookahead")
def moves_everyone(subject: Subject) -> None:
    """Every player of the game moves sooner or later."""
    match = arena.match(subject)
    for _ in range(PATIENCE):
        if all(match.player(name).updates for name in match.players):
            return
        match.step()
    still = [name for name in match.players if not match.player(name).updates]
    raise Failure(f"in {PATIENCE} steps the {still[0]} does not move")


@check(
    "schedule",
    needs=("plays",),
    remedy="update each player as often as its parameter says: for _ in range(self.discriminator_steps)",
)
def counts(subject: Subject) -> None:
    """A parameter such as discriminator_steps is how often that player moves, in each step or for each other move."""
    fields = type(subject.part).model_fields
    for player in arena.match(subject).players:
        field = f"{player}_steps"
        for count in COUNTS if field in fields else ():
            try:
                match = arena.match(subject, changes={field: count})
            except Failure:
                continue  # out of the parameter's bounds
            arena.play(match, STEPS)
            moved = {name: match.player(name).updates for name in match.players}
            others = {name: getattr(match.spec.schedule, f"{name}_steps", 1) for name in moved if name != player}
            for_each = any(moved[player] * share == count * moved[name] for name, share in others.items())
            if moved[player] != STEPS * count and not for_each:
                raise Failure(f"with {field}: {count} the {player} moves {moved[player]} times in {STEPS} steps")


@check("schedule", needs=("plays",), remedy="leave requires_grad alone: the engine freezes whoever does not move")
def unfrozen(subject: Subject) -> None:
    """After a step nothing is frozen that was not before, and nothing is thawed."""
    match = arena.match(subject)
    before = _frozen(match)
    for _ in range(2):
        match.step()
    changed = [name for name, frozen in _frozen(match).items() if before.get(name, frozen) != frozen]
    if changed:
        raise Failure(f"a step changes requires_grad of {changed[0]}")


def _frozen(match: arena.Arena) -> dict[str, bool]:
    return {
        f"{name}.{key}": not parameter.requires_grad
        for name, network in match.networks.items()
        for key, parameter in network.named_parameters()
    }


@check("schedule", needs=("plays",), remedy="return a tuple of steps, counted from 0: (100, 200)")
def milestones(subject: Subject) -> None:
    """Its milestones are steps that it can play."""
    part: Any = subject.part
    found = part.milestones()
    if not isinstance(found, tuple) or not all(isinstance(step, int) and step >= 0 for step in found):
        raise Failure(f"its milestones are {found!r}")
    for step in found:
        match = arena.match(subject)
        match.step_index = step
        match.step()
