"""What of a match a checkpoint holds, and what a state must be before a match continues from it.

That a checkpoint's files verify says that they are as they were written, not by whom: whatever a state makes of
loading is a CheckpointError, and what would only fail later, or fill the memory, is refused before.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import sha256
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ganreg.assembly import assemble
from ganreg.engine.blame import sentence
from ganreg.engine.feed import NoiseFeed
from ganreg.engine.guards import first_bad
from ganreg.engine.state import moved, same, split
from ganreg.engine.tensor_file import raw
from ganreg.errors import CheckpointError, GanregError, PluginError, SpecError, brief
from ganreg.rng import untouched
from ganreg.spec.runspec import RunSpec
from ganreg.task import Task

if TYPE_CHECKING:
    from ganreg.engine.match import Match

COUNT = range(2**62)
"""What a counter can be; the guards compute with it in 64 bits."""


def saved(match: Match) -> dict[str, Any]:
    """All that a checkpoint needs, as nested dicts of tensors and plain values."""
    averages = match.ema.networks if match.ema else {}
    players = {name: match.player(name) for name in match.players}
    return {
        "step": match.step_index,
        "task": _shapes(match.parts.task),
        "position": match.position,
        "attempt": match.attempt,
        "unseen": match.unseen,
        "channels_last": match.channels_last,
        "stage": asdict(match.current_stage),
        "networks": {name: network.state_dict() for name, network in match.networks.items()},
        "ema": {name: network.state_dict() for name, network in averages.items()},
        "optimizers": {name: player.optimizer.state_dict() for name, player in players.items()},
        # A lazy penalty's term is older than the step: without it a resumed log would lack a line's value.
        "terms": dict(match.terms),
        "updates": {name: player.updates for name, player in players.items()},
        "parts": {name: _state_of(name, part) for name, part in _others(match) if hasattr(part, "state_dict")},
    }


def _shapes(task: Task) -> dict[str, Any]:
    """What networks are built for; a set may have grown meanwhile."""
    return {name: value for name, value in asdict(task).items() if name != "count"}


def _state_of(name: str, part: Any) -> Any:
    try:
        return part.state_dict()
    except (GanregError, MemoryError):
        raise
    except Exception as error:
        raise PluginError(f"the state_dict of {name} failed: {sentence(error)}") from error


def digests(match: Match) -> dict[str, int]:
    """A number below 2^61 for the state of each network and part, which is another for another state."""
    networks = {f"the network '{name}'": network for name, network in match.networks.items()}
    found = {}
    for name, part in (*networks.items(), *match.parts.others()):
        if hasattr(part, "state_dict"):
            tensors: dict[str, Tensor] = {}
            digest = sha256(json.dumps(split(_state_of(name, part), tensors)).encode())
            for tensor in tensors.values():
                digest.update(raw(tensor.cpu()).numpy().data)
            found[name] = int.from_bytes(digest.digest()[:8], "little") >> 3
    return found


def restore(match: Match, state: Mapping[str, Any]) -> None:
    """Make a match equal to a saved state. Raises CheckpointError where it cannot be; it may have taken half of it."""
    with refusing():
        _check_progress(state, match.parts.task, match.players)
        _check_stage(match, state)
        _take(match, state)
        _check_taken(match, state)


def _take(match: Match, state: Mapping[str, Any]) -> None:
    if state["channels_last"] != match.channels_last:
        match.lay_out(state["channels_last"])
    match.stage(**state["stage"])
    match.step_index, match.position, match.attempt = state["step"], state["position"], state["attempt"]
    match.unseen = state["unseen"]
    match.terms = {name: value.to(match.device) for name, value in state["terms"].items()}
    for name, network in match.networks.items():
        network.load_state_dict(state["networks"][name])
    for name, network in match.ema.networks.items() if match.ema else ():
        network.load_state_dict(state["ema"][name])
    for name in match.players:
        player = match.player(name)
        player.take(state["optimizers"][name])
        player.updates = state["updates"][name]
    for name, part in _others(match):
        if hasattr(part, "load_state_dict"):
            part.load_state_dict(moved(state["parts"][name], match.device))


def _others(match: Match) -> Iterator[tuple[str, Any]]:
    """What may have state beside networks and optimizers."""
    yield from match.parts.others()
    yield from match.metrics.items()


@contextmanager
def refusing() -> Iterator[None]:
    """Make a CheckpointError of whatever loading a state raises; but memory may end for any state."""
    try:
        yield
    except (CheckpointError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        kind = "" if isinstance(error, GanregError) else f"{type(error).__name__}: "
        raise CheckpointError(f"it does not fit this run: {kind}{brief(error)}") from error


def _check_progress(state: Mapping[str, Any], task: Task, players: Collection[str]) -> None:
    """Raise CheckpointError where the plain values of a state are not those of a run of this task and players."""
    index, size, fade = (state["stage"][key] for key in ("index", "size", "fade"))
    counters = (state["step"], state["position"], state["attempt"], index, *state["updates"].values())
    largest = max(task.image[1:])
    for wanted, met in {
        "the shapes of the run": state["task"] == _shapes(task),
        "counters that count": all(type(counter) is int and counter in COUNT for counter in counters),
        "an order of its kernels": type(state["channels_last"]) is bool,
        "whether it was looked at": type(state["unseen"]) is bool,
        "a stage's size within that of the pictures": size is None or (type(size) is int and 0 < size <= largest),
        "a stage's fade between 0 and 1": type(fade) in (int, float) and 0 <= fade <= 1,
        "one number for each term": all(_is_term(name, value, players) for name, value in state["terms"].items()),
    }.items():
        if not met:
            raise CheckpointError(f"it does not fit this run: it lacks {wanted}")


def _check_stage(match: Match, state: Mapping[str, Any]) -> None:
    """Raise CheckpointError where no step can be played in a saved stage, of a schedule that does not change it."""
    if state["stage"] == asdict(match.current_stage) or match.spec.schedule.milestones():
        return
    spec, task, meta = match.spec, match.parts.task, torch.device("meta")
    with untouched():
        trial = type(match)(spec, assemble(spec, task, meta), NoiseFeed(task, spec.train.batch_size, meta), meta)
        trial.step_index = state["step"]
        trial.stage(**state["stage"])
        trial.step()


def _check_taken(match: Match, state: Mapping[str, Any]) -> None:
    """Raise CheckpointError where a match is not equal to the state that it has loaded, or not finite."""
    now = saved(match)
    for key in {**now, **state}:
        if not (key in now and key in state and same(now[key], state[key])):
            raise CheckpointError(f"it does not fit this run: its '{key}' are not what the run has")
    if found := not_finite(match):
        raise CheckpointError(f"it does not fit this run: {found}")


def not_finite(match: Match) -> str | None:
    """What of a match no checkpoint may hold, with whose it is, in words; None where all is well.

    That is a number that is not finite in a weight, a buffer, an average or an optimizer's state, and a NaN in the
    state of a part: inf may stand there for a best value that is still to come. What a metric remembers moves nobody.
    """
    owners = {network: name for name in match.players for network in match.player(name).networks}
    averages = match.ema.networks if match.ema else {}
    for what, networks in (("", match.networks), ("the moving average of ", averages)):
        for name, network in networks.items():
            if key := first_bad(network.state_dict()):
                return f"'{key}' of {what}the {owners[name]}'s network '{name}' is not finite"
    for name in match.players:
        player = match.player(name)
        names = player.names()
        if key := first_bad({names.get(id(p), p): values for p, values in player.optimizer.state.items()}):
            return f"'{key}' in the state of the {name}'s optimizer is not finite"
    for name, part in match.parts.others():
        if hasattr(part, "state_dict") and (key := first_bad(_state_of(name, part), infinite=True)):
            return f"'{key}' in the state of {name} is not a number"
    return None


def trained_task(state: Mapping[str, Any], spec: RunSpec) -> Task:
    """The task of a state, for which the networks can be built. Raises CheckpointError.

    They are built on the meta device first: shapes that the state's tensors do not fill would fill the memory.
    """
    with refusing():
        task = Task(**state["task"])
        _check_sizes(task, spec)
        try:
            networks = assemble(spec, task, torch.device("meta")).networks
        except SpecError:  # a part may read numbers as it is built
            networks = assemble(spec, task, torch.device("cpu")).networks
        needed = sum(_bytes(network.state_dict()) for network in networks.values())
        held = sum(map(_bytes, state["networks"].values()))
    if needed > held:
        raise CheckpointError(f"it does not fit this run: it holds {held:,} bytes of networks that take {needed:,}")
    return task


def _check_sizes(task: Task, spec: RunSpec) -> None:
    pictures = [task.image, *([] if task.source is None else [task.source])]
    sizes = [*(side for shape in pictures for side in shape), *([] if task.classes is None else [task.classes])]
    sound = all(len(shape) == 3 for shape in pictures) and all(type(size) is int and size > 0 for size in sizes)
    if not sound or task.latent != spec.latent.size or (task.classes is not None) != spec.conditional:
        raise CheckpointError("it does not fit this run: it lacks the shapes of the run")


def _bytes(state: Mapping[str, Any]) -> int:
    return sum(value.nbytes for value in state.values() if isinstance(value, Tensor))


def _is_term(name: Any, value: Any, players: Collection[str]) -> bool:
    known = isinstance(name, str) and name.partition("/")[0] in players
    return known and isinstance(value, Tensor) and value.is_floating_point() and prod(value.shape) == 1
