"""Contradictions between parts that can be told without building anything; no torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from ganreg.components import Component, Game
from ganreg.errors import DataError, GanregError, Mistake, Position, SpecPath, brief
from ganreg.registry import Registry
from ganreg.spec.runspec import RunSpec
from ganreg.task import DatasetInfo, Task, describe

ROLES = ("generator", "discriminator", "encoder")
"""The keys of a spec whose parts are networks."""


class Locator(Protocol):
    """Where the values of a spec stand; `spec.document.Document` is the one that there is."""

    def locate(self, path: SpecPath, *, key: bool = False) -> Position | None:
        """The deepest known place along a path."""


def task_of(spec: RunSpec, info: DatasetInfo) -> Task:
    """The task that a spec and its dataset fix."""
    classes = len(info.classes) if spec.conditional and info.classes else None
    return Task(info.image, spec.latent.size, classes, info.source, info.count)


def info_of(spec: RunSpec) -> DatasetInfo:
    """What the spec's dataset tells of itself. Raises DataError naming it where it fails, or tells something else."""
    try:
        info: Any = spec.data.info()
    except GanregError:
        raise
    except Exception as error:
        message = f"the dataset '{spec.data.name}' cannot tell of itself: {type(error).__name__}: {brief(error)}"
        raise DataError(message) from error
    if not isinstance(info, DatasetInfo):
        raise DataError(f"the dataset '{spec.data.name}' tells of itself by a {type(info).__name__}, no DatasetInfo")
    return info


def contradictions(spec: RunSpec, document: Locator, registry: Registry) -> list[Mistake]:
    """What cannot work together, each with the places in the spec that say so. Raises DataError for missing files."""
    info = info_of(spec)
    mistakes = [
        *_game(spec, document),
        *_roles(spec, document),
        *_labels(spec, info, document),
        *_capabilities(spec, document, registry),
        *_best(spec, document),
        *_shapes(spec, info, document),
    ]
    return sorted(mistakes, key=lambda mistake: mistake.place)


def unplayable(game: Game) -> Iterator[tuple[str, str]]:
    """What a game says of itself that nobody could play, as it would stand behind its name; each with what there is."""
    for name, role in game.networks.items():
        if role not in ROLES:
            yield f"gives its network '{name}' the role '{role}'", f"roles are {', '.join(ROLES)}"
    for player, moved in game.players.items():
        for name in moved:
            if name not in game.networks:
                message = f"lets its {player} move '{name}', which is none of its networks"
                yield message, f"these are {', '.join(game.networks)}"
    if "generator" not in game.networks.values():
        yield "has no generator among its networks", "there is nothing to sample from"


def _game(spec: RunSpec, document: Locator) -> Iterator[Mistake]:
    for message, known in unplayable(spec.game):
        yield Mistake(f"the game '{spec.game.name}' {message}", ("game",), document.locate(("game",)), known)


def _roles(spec: RunSpec, document: Locator) -> Iterator[Mistake]:
    wanted = set(spec.game.networks.values())
    game = (f"the game is '{spec.game.name}'", _written(("game",), document))
    if "encoder" in wanted and spec.encoder is None:
        yield Mistake(f"the game '{spec.game.name}' needs an encoder", ("encoder",), document.locate(("game",)))
    if "encoder" not in wanted and spec.encoder is not None:
        yield _mistake("no encoder plays in this game", ("encoder",), document, game)
    for index, penalty in enumerate(spec.penalties):
        if penalty.player not in spec.game.players:
            message = f"the penalty '{penalty.name}' is for a player '{penalty.player}', which this game has not"
            yield _mistake(message, ("penalties", index), document, game)


def _labels(spec: RunSpec, info: DatasetInfo, document: Locator) -> Iterator[Mistake]:
    if spec.conditional and not info.classes:
        data = (f"the dataset '{spec.data.name}' has no labels", document.locate(("data",)))
        yield _mistake("a conditional run needs labelled data", ("conditional",), document, data)


def _best(spec: RunSpec, document: Locator) -> Iterator[Mistake]:
    if spec.output.best and not spec.metrics:
        path = ("output", "best")
        message = f"nothing gives '{spec.output.best.metric}': the run has no metrics"
        hint = "`metrics` takes some, each with the steps between two measurements: [{name: …, every: 500}]"
        yield Mistake(message, path, document.locate(path), hint)


def _capabilities(spec: RunSpec, document: Locator, registry: Registry) -> Iterator[Mistake]:
    networks: list[tuple[SpecPath, Component]] = [
        (("discriminator",), spec.discriminator),
        (("generator",), spec.generator),
    ]
    asking: list[tuple[SpecPath, Component]] = [(("loss",), spec.loss), (("game",), spec.game)]
    asking += [(("penalties", index), penalty) for index, penalty in enumerate(spec.penalties)]
    asking += [(("metrics", index), metric) for index, metric in enumerate(spec.metrics)]
    for path, part in asking:
        inner = [(there, c) for there, c in spec.components() if there[: len(path)] == path and len(there) > len(path)]
        # What a part needs, one of another kind inside it may give: a metric's extractor has logits of its own.
        own = [(there, component) for there, component in inner if component.kind != part.kind]
        needed = set(part.requires).union(*(component.requires for _, component in inner))
        lacking = sorted(needed.difference(*(giver.provides for _, giver in (*networks, *own))))
        if not lacking:
            continue
        kinds = {giver.kind for _, giver in (*networks, *own)}
        fitting = [
            f"{entry.kind} {listing.namespace}/{entry.name}"
            for listing in registry.listings()
            for entry in sorted(listing.entries, key=lambda e: (e.kind, e.name))
            if entry.kind in kinds and set(entry.provides) >= set(lacking)
        ]
        yield Mistake(
            f"the {part.kind} '{part.name}' needs {' and '.join(lacking)}",
            path,
            document.locate(path),
            f"provided by: {', '.join(fitting) or 'nothing that is installed'}",
            [
                (f"the {giver.kind} '{giver.name}' does not provide it", document.locate(there))
                for there, giver in own or networks
                if giver.kind != "generator" or giver.provides
            ],
        )


def _shapes(spec: RunSpec, info: DatasetInfo, document: Locator) -> Iterator[Mistake]:
    task = task_of(spec, info)
    image = (f"the dataset '{spec.data.name}' gives {describe(info.image)}", document.locate(("data",)))
    reader = (
        f"the discriminator '{spec.discriminator.name}' takes {describe(info.image)}",
        document.locate(("discriminator",)),
    )
    # The networks' tasks are the game's to give: it comes first.
    for path, component in sorted(_outermost(spec), key=lambda found: found[1].kind != "game"):
        copies = [name for name, role in spec.game.networks.items() if role == component.kind]
        try:
            for its_task in [spec.game.task_for(name, task) for name in copies] or [task]:
                component.check(its_task)
        except ValueError as error:
            related = (image, reader) if component.kind == "generator" else (image,)
            message = f"the {component.kind} '{component.name}': {error}"
            yield Mistake(message, path, document.locate(path), related=related)
            if component.kind == "game":
                return


def _outermost(spec: RunSpec) -> list[tuple[SpecPath, Component]]:
    """The components of the spec's own keys: those inside another one are for that one to check."""
    found: list[tuple[SpecPath, Component]] = []
    for path, component in spec.components():
        if not any(path[: len(outer)] == outer for outer, _ in found):
            found.append((path, component))
    return found


def _written(path: SpecPath, document: Locator) -> Position | None:
    """Where a value was written; None for a default, which stands nowhere."""
    place = document.locate(path)
    return None if place == document.locate(()) else place


def _mistake(message: str, path: SpecPath, document: Locator, *related: tuple[str, Position | None]) -> Mistake:
    return Mistake(message, path, document.locate(path), related=related)
