"""Steps that are replayed: a device is told once what a step's kernels are, and not one by one in each step.

A step is what its kernels do with the tensors of the match, and three things from the host: batches, random numbers,
and counters. The first two are filled in (`Inputs`); what is due when is told by the counters that the engine knows.
Whatever else a step may depend on makes it unrecordable, and is looked for: a part that reads a counter, state that is
kept on the host or in other tensors after each step, random numbers of the host. A step that has been recorded is
played both ways, and compared.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ganreg.engine.changes import State
from ganreg.engine.counters import readers
from ganreg.engine.graphs import CudaGraphs, Graphs, Work
from ganreg.engine.inputs import Inputs, RecordingError
from ganreg.engine.waits import Waits
from ganreg.errors import brief

if TYPE_CHECKING:
    from ganreg.engine.match import Match

WARM = 3
"""Steps before the first is recorded: optimizers have their state then, and kernels are chosen."""
MOST = 32
"""Recordings of steps in which other penalties are due; in steps beyond that, kernels are launched one by one."""
Due = tuple[bool, ...]


@dataclass(frozen=True)
class Recording:
    """A step that can be replayed. terms, turns and moves are those of the match; seen is what its guard saw."""

    inputs: Inputs
    replay: Work
    terms: Mapping[str, Tensor]
    turns: Mapping[str, int]
    moves: Mapping[str, int]
    seen: tuple[str, ...]
    values: Tensor


class Recorder:
    """Plays a match's steps: the first ones as they come, then each by replaying the one that does the same.

    say: hears what is recorded, and why something is not.
    """

    def __init__(self, match: Match, graphs: Graphs, say: Callable[[str], None]) -> None:
        self._match = match
        self._graphs = graphs
        self._say = say
        self._refused = False
        self._homes: dict[Tensor, Tensor] = {}
        self.forget()

    def forget(self) -> None:
        """Record anew: the match has other tensors."""
        self._count_at_home()
        self._recordings: dict[Due, Recording] = {}
        self._warm = 0
        self._moves: Mapping[str, int] = {}

    def step(self) -> None:
        """Play the match's schedule once."""
        due = self._due()
        if recording := self._recordings.get(due):
            self._replay(recording)
        elif self._refused or self._warm < WARM or len(self._recordings) >= MOST:
            before = self._updates()
            self._match.perform()
            self._moves = self._moved_since(before)
            self._warm += 1
        else:
            self._record(due)

    def _due(self) -> Due:
        """Which penalties come in which of the step's turns, as far as they do not in all."""
        return tuple(
            (self._match.player(penalty.spec.player).updates + turn) % penalty.spec.every == 0
            for penalty in self._match.parts.penalties
            if penalty.spec.every > 1
            for turn in range(self._moves.get(penalty.spec.player, 0))
        )

    def _replay(self, recording: Recording) -> None:
        match = self._match
        recording.inputs.fill()
        recording.replay()
        for player, count in recording.moves.items():
            match.player(player).updates += count
        match.turns = Counter(recording.turns)
        # Copied: another recording may be played over where they stand.
        match.terms.update({name: value.clone() for name, value in recording.terms.items()})
        match.guard.see(match.step_index, zip(recording.seen, recording.values.clone().unbind(), strict=True))

    def _record(self, due: Due) -> None:
        """Play the step as it comes, and keep a recording that does the same."""
        match, updates, waits = self._match, self._updates(), Waits(self._match.device)
        inputs = Inputs(match, waits.resting)
        self._count_on_device()
        before, host = State(match), _host(match)
        # What is compiled would not run so where each operation is looked at.
        with readers() as found, inputs.gathered(), nullcontext() if match.spec.train.compile else waits:
            self._graphs.rehearse(match.perform)
        after, moves, terms = State(match), self._moved_since(updates), dict(match.terms)
        reasons = [*sorted(found), *waits.found, *before.kept_otherwise(after)]
        if _host(match) != host:
            reasons.append("a part draws random numbers on the host")
        if reasons:
            self._refuse(reasons[0])
            return
        try:
            recording = self._recorded(inputs, before, updates, moves)
            if reason := before.differently(after, State(match)):
                raise RecordingError(reason)
        except Exception as error:
            reason = str(error) if isinstance(error, RecordingError) else f"{type(error).__name__}: {brief(error)}"
        else:
            if not self._recordings:
                self._say(f"steps are replayed from step {match.step_index + 2} on")
            self._recordings[due] = recording
        finally:
            match.terms = terms
            after.put_back()
            for player, count in updates.items():
                match.player(player).updates = count + moves[player]
        if reason:
            self._refuse(reason)

    def _recorded(
        self, inputs: Inputs, before: State, updates: Mapping[str, int], moves: Mapping[str, int]
    ) -> Recording:
        """A recording of the step whose state before was that, and whose state after is that of its replay."""
        match = self._match
        for player, count in updates.items():
            match.player(player).updates = count
        seen: list[str] = []
        values: list[Tensor] = []

        def work() -> None:
            with match.guard.collecting() as collected:
                match.perform()
            seen.extend(name for _, name, _ in collected)
            values.append(torch.stack([value for *_, value in collected]))

        match.terms = {}
        with _capturable(match):
            before.put_back()
            inputs.fill()
            with inputs.held():
                replay = self._graphs.record(work)
        before.put_back()
        inputs.fill()
        match.rekey()
        replay()
        return Recording(inputs, replay, dict(match.terms), dict(match.turns), moves, tuple(seen), values[0])

    def _refuse(self, reason: str) -> None:
        self._refused = True
        self.forget()
        self._say(f"steps are not replayed: {reason}")

    def _count_on_device(self) -> None:
        """Let optimizers that count their steps on the host count them on the device."""
        for values, name, counter in _counters(self._match):
            values[name] = counter.to(self._match.device)
            self._homes.setdefault(values[name], counter)

    def _count_at_home(self) -> None:
        """Let them count where they did: in steps that are played, torch's read each counter, and wait for a device."""
        for values, name, counter in _counters(self._match):
            if counter in self._homes:
                values[name] = self._homes[counter].copy_(counter)
        self._homes.clear()

    def _updates(self) -> dict[str, int]:
        return {player: self._match.player(player).updates for player in self._match.players}

    def _moved_since(self, before: Mapping[str, int]) -> dict[str, int]:
        return {player: now - before[player] for player, now in self._updates().items()}


def record_steps(match: Match, say: Callable[[str], None]) -> None:
    """Let a match record its steps as CUDA graphs, or say why not."""
    if match.device.type != "cuda":
        say(f"steps are not replayed: CUDA graphs are for CUDA, and this run is on {match.device.type}")
    elif not match.world.alone:
        say("steps are not replayed: several processes play them together")
    else:
        match.recorder = Recorder(match, CudaGraphs(match.device), say)


def _host(match: Match) -> Any:
    """Where the generators of the host stand, which no part of a recorded step may draw from."""
    torchs = None if match.device.type == "cpu" else torch.default_generator.get_state().tolist()
    numpy = np.random.get_state(legacy=False)
    return random.getstate(), numpy["state"]["key"].tobytes(), numpy["state"]["pos"], numpy["has_gauss"], torchs


def _counters(match: Match) -> Iterator[tuple[dict[str, Any], str, Tensor]]:
    """What optimizers count in, with where they hold it; NAdam has a product of rates, too."""
    for player in map(match.player, match.players):
        for values in player.optimizer.state.values():
            for name, value in values.items():
                if isinstance(value, Tensor) and value.dim() == 0:
                    yield values, name, value


@contextmanager
def _capturable(match: Match) -> Iterator[None]:
    """Within, torch's optimizers step without the host where they can."""
    with ExitStack() as stack:
        for player in map(match.player, match.players):
            for group in player.optimizer.param_groups:
                if "capturable" in group:
                    stack.callback(group.__setitem__, "capturable", group["capturable"])
                    group["capturable"] = True
        yield
