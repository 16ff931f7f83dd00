"""Games: players and networks that fit together, and pictures at the end."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch

from ganreg.engine.pictures import generate
from ganreg.spec.compatibility import unplayable
from ganreg.task import Task
from ganreg.testing import arena
from ganreg.testing.check import Failure, check
from ganreg.testing.suite import Subject


@check("game", remedy="networks maps names to roles, players maps names to the networks that each moves")
def players(subject: Subject) -> None:
    """Every network has a role that is known, and no two players move the same one."""
    game: Any = subject.part
    for message, known in unplayable(game):
        raise Failure(f"it {message}: {known}")
    owned = Counter(name for networks in game.players.values() for name in networks)
    for name, count in owned.items():
        if count > 1:
            raise Failure(f"{count} players move the network '{name}'", "give each network to one player")
    if not game.players or not all(game.players.values()):
        raise Failure("it has no players, or one that moves no network")


@check(
    "game",
    needs=("players", "requires", "tasks"),
    remedy="return a Task from task_for, with dataclasses.replace(task, …)",
)
def task_for(subject: Subject) -> None:
    """task_for gives every network a task."""
    game: Any = subject.part
    for name in game.networks:
        found = game.task_for(name, subject.task)
        if not isinstance(found, Task):
            raise Failure(f"its task_for('{name}', …) is a {type(found).__name__}, not a Task")


@check("game", needs=("plays",), remedy="return the generator's pictures from sample(network, z, labels, source)")
def samples(subject: Subject) -> None:
    """It samples pictures of the first generator's task."""
    match = arena.match(subject)
    made = generate(match, match.feed, 5, "samples").images
    name = next(name for name, role in match.spec.game.networks.items() if role == "generator")
    wanted = (5, *match.spec.game.task_for(name, match.parts.task).image)
    if tuple(made.shape) != wanted or not torch.isfinite(made).all():
        raise Failure(f"it samples {tuple(made.shape)}, not {wanted}, or numbers that are not finite")
