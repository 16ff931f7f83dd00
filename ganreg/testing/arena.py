"""A real match around a part under test: the engine's own, with the kit's parts in the other places."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ganreg.assembly import Parts, assemble
from ganreg.components import Component, Game
from ganreg.engine.feed import Feed
from ganreg.engine.guards import unsound
from ganreg.engine.match import Match
from ganreg.engine.play import Play
from ganreg.engine.rows import Rows
from ganreg.engine.state import join, split
from ganreg.errors import CheckpointError
from ganreg.spec.compatibility import ROLES, info_of, task_of
from ganreg.spec.runspec import RunSpec
from ganreg.task import Task
from ganreg.testing import partners
from ganreg.testing.check import Failure, Skip
from ganreg.testing.network import CPU, built, further_words, in_double
from ganreg.testing.suite import Subject
from ganreg.testing.tasks import accepts

BATCH = 4


class Arena(Match):
    """A match of which single turns can be looked at."""

    def __init__(self, spec: RunSpec, parts: Parts, feed: Feed, device: torch.device) -> None:
        super().__init__(spec, parts, feed, device)
        self.feed = feed

    @contextmanager
    def turn(self, player: str) -> Iterator[Play]:
        """A player's next turn, as a part sees it: only this player's parameters require gradients."""
        batch, size = partial(self.feed.batch, self.position), self.spec.train.batch_size
        with self._only(player):
            yield Play(self, player, 0, batch, Rows(slice(0, size), size))


def match(
    subject: Subject,
    *,
    device: torch.device = CPU,
    double: bool = False,
    size: int = BATCH,
    changes: Mapping[str, Any] | None = None,
    **train: Any,
) -> Arena:
    """A fresh match in which a fresh copy of the subject plays; networks that grow stand where they serve the task.

    double: in float64. size: pictures in a batch. changes: parameters of the subject. train: keys of the spec's own.
    """
    spec = compose(subject, double=double, size=size, changes=changes, **train)
    task = task_of(spec, info_of(spec))
    parts = assemble(spec, task, device)
    if double:
        for _, part in (*parts.networks.items(), *parts.others()):
            in_double(part)
    feed = Feed(spec.data.build(task), size, spec.seed, device, labels=task.classes is not None)
    made = Arena(spec, parts, feed, device)
    stage = getattr(spec.schedule, "stage", None)
    if subject.kind in ROLES and stage is not None:
        made.stage(stage)
    return made


def compose(
    subject: Subject,
    *,
    double: bool = False,
    size: int = BATCH,
    changes: Mapping[str, Any] | None = None,
    **train: Any,
) -> RunSpec:
    """The spec of such a match. Raises Skip where nothing installed fits the subject."""
    cast, task = company(subject)
    part = subject.make(**(changes or {}))
    if subject.kind == "penalty":
        # At every update and with a factor that shows, whatever it has by default.
        part = part.model_copy(update={"every": 1, "weight": 1.0})
    cast = {**cast, subject.kind: part}
    game: Any = cast["game"]
    optimizer = cast.get("optimizer", partners.Descent())
    return RunSpec.model_validate(
        {
            "data": partners.Pictures(
                image=task.image, classes=task.classes, source=task.source, double=double, count=8 * size
            ),
            "conditional": task.classes is not None,
            "latent": task.latent,
            "generator": cast["generator"],
            "discriminator": cast["discriminator"],
            "encoder": cast.get("encoder"),
            "game": game,
            "loss": cast.get("loss", partners.CrossEntropy()),
            "penalties": [cast["penalty"]] if "penalty" in cast else [],
            "augment": cast.get("augmentation"),
            "schedule": cast.get("schedule", partners.InTurn(stage=_stage(subject))),
            "optimizers": dict.fromkeys(game.players, optimizer),
            "train": {"batch_size": size, "device": "cpu", **train},
        }
    )


def company(subject: Subject) -> tuple[dict[str, Component], Task]:
    """The subject with its networks and game, and a task that all of them accept. Raises Skip where there is none."""
    if subject.company is None:
        subject.company = _company(subject)
    return subject.company


def _company(subject: Subject) -> tuple[dict[str, Component], Task]:
    part = subject.part
    cast: dict[str, Component] = {subject.kind: part}
    cast.setdefault("game", _game(subject))
    game: Any = cast["game"]
    lacking = set(game.requires) | subject.requires
    for role, own in (("discriminator", partners.Judge()), ("generator", partners.Maker())):
        chosen = cast.setdefault(role, _providing(subject, role, lacking, own))
        lacking -= set(chosen.provides)
    if lacking:
        raise Skip(f"nothing installed provides {' and '.join(sorted(lacking))}")
    if "encoder" in game.networks.values():
        cast.setdefault("encoder", partners.Reader())
    classes = "class_logits" in subject.requires | set(game.requires)
    tasks = [subject.task] if subject.kind in ROLES else subject.claimed
    fitting = [t for t in tasks if (t.classes or not classes) and _all_accept(cast, t)]
    if not fitting:
        raise Skip("no task suits both it and the parts that it needs")
    return cast, fitting[0]


def _game(subject: Subject) -> Game:
    """A game in which the subject has its place."""
    part: Any = subject.part
    if subject.kind == "encoder":
        return partners.WithEncoder()
    if subject.kind == "discriminator" and further_words(built(subject).module):
        wanted = set(part.provides)
        for game in subject.suite.fitting("game"):
            if wanted & set(game.requires) and isinstance(game, Game):
                return game
        raise Skip("no game that is installed gives its forward what it needs")
    player = part.player if subject.kind == "penalty" else "generator"
    for game in (partners.TwoPlayers(), partners.WithEncoder(), *subject.suite.fitting("game")):
        if isinstance(game, Game) and player in game.players:
            return game
    raise Skip(f"no game that is installed has a player '{player}'")


def _providing(subject: Subject, role: str, lacking: set[str], own: Component) -> Component:
    """The kit's own part of a role, unless another one provides more of what is lacking."""
    best = own
    if lacking - set(own.provides):
        for other in subject.suite.fitting(role):
            if len(lacking & set(other.provides)) > len(lacking & set(best.provides)):
                best = other
    return best


def _all_accept(cast: Mapping[str, Component], task: Task) -> bool:
    game: Any = cast["game"]
    networks = [(cast[role], game.task_for(name, task)) for name, role in game.networks.items()]
    others = [(part, task) for kind, part in cast.items() if kind not in game.networks.values()]
    return all(accepts(part, its_task) for part, its_task in (*others, *networks))


def _stage(subject: Subject) -> int | None:
    return built(subject).stage if subject.kind in ROLES else None


def play(match: Match, steps: int) -> None:
    """Play some steps; every term and weight must be finite."""
    for _ in range(steps):
        match.step()
    if found := unsound(match.networks):
        raise Failure(f"{found} is not finite")


def modes(match: Match) -> dict[str, bool]:
    """Whether each module of each network is in training."""
    return {
        path: module.training
        for name, network in match.networks.items()
        for path, module in network.named_modules(prefix=name)
    }


def checkpoint(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state as a checkpoint gives it back. Raises Failure for what no checkpoint takes."""
    tensors: dict[str, Tensor] = {}
    try:
        skeleton = split(state, tensors)
    except CheckpointError as error:
        raise Failure(str(error), "keep state in tensors, numbers, text, lists and dicts") from None
    copies = {name: t.cpu().clone(memory_format=torch.contiguous_format) for name, t in tensors.items()}
    restored: dict[str, Any] = join(json.loads(json.dumps(skeleton)), copies)
    return restored
