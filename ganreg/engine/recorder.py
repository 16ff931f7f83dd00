"""Steps that are replayed: a device is told once what a step's kernels are, and not one by one in each step.

A step is what its kernels do with the tensors of the match, and three things from the host: batches, random numbers,
and counters. The first two are filled in (`Inputs`); what is due when is told by the counters that the engine knows.
Whatever else a step may depend on makes it unrecordable, and is looked for: a part that reads a counter, state that is
kept on the host or in other tensors after each step, random numbers of the host. A step that has been recorded is
played both ways, and compared.
"""

from __future__ import annotations

import gc
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ganreg.engine.counters import readers
from ganreg.engine.inputs import Inputs, RecordingError
from ganreg.engine.restore import saved
from ganreg.engine.waits import Waits
from ganreg.errors import brief

if TYPE_CHECKING:
    from ganreg.engine.match import Match

WARM = 3
"""Steps before the first is recorded: optimizers have their state then, and kernels are chosen."""
MOST = 32
"""Recordings of steps in which other penalties are due; in steps beyond that, kernels are launched one by one."""
SHARE = 0.05
"""By which the change of networks, optimizers or parts may differ when a step is replayed: rounding is far below."""

Due = tuple[bool, ...]
Work = Callable[[], None]


class Graphs(Protocol):
    """How kernels are recorded."""

    def rehearse(self, work: Work) -> None:
        """Do some work as it will be done where it is recorded."""

    def record(self, work: Work) -> Work:
        """What does again all that the work's kernels do, in the same tensors."""


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
        self.forget()

    def forget(self) -> None:
        """Record anew: the match has other tensors."""
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
        match.rekey()
        recording.replay()
        for player, count in recording.moves.items():
            match.player(player).updates += count
        match.turns = Counter(recording.turns)
        match.terms.update(recording.terms)
        match.guard.see(match.step_index, zip(recording.seen, recording.values.clone().unbind(), strict=True))

    def _record(self, due: Due) -> None:
        """Play the step as it comes, and keep a recording that does the same."""
        match, updates, waits = self._match, self._updates(), Waits(self._match.device)
        inputs = Inputs(match, waits.resting)
        _count_on_device(match)
        before, host = State(match), _host(match)
        # What is compiled would not run so where each operation is looked at.
        with readers() as found, inputs.gathered(), nullcontext() if match.spec.train.compile else waits:
            self._graphs.rehearse(match.perform)
        after, moves, terms = State(match), self._moved_since(updates), dict(match.terms)
        reasons = [*sorted(found), *waits.found, *before.kept_otherwise(after)]
        if _host(match) != host:
            reasons.append("a part draws random numbers on the host")
        if reasons:
            return self._refuse(reasons[0])
        try:
            recording = self._recorded(inputs, before, updates, moves)
            if reason := before.differently(after, State(match)):
                raise RecordingError(reason)
        except Exception as error:
            self._refuse(str(error) if isinstance(error, RecordingError) else f"{type(error).__name__}: {brief(error)}")
        else:
            if not self._recordings:
                self._say(f"steps are replayed from step {match.step_index + 2} on")
            self._recordings[due] = recording
            terms |= recording.terms
        finally:
            match.terms = terms
            after.put_back()
            for player, count in updates.items():
                match.player(player).updates = count + moves[player]
        return None

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
        self._recordings.clear()
        self._say(f"steps are not replayed: {reason}")

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


class State:
    """What a step changes of a match: the tensors on its device with copies of them, and what the host holds."""

    def __init__(self, match: Match) -> None:
        state = saved(match)
        held = dict(_leaves({key: state[key] for key in ("networks", "optimizers", "parts")}))
        self._tensors = {path: value for path, value in held.items() if _is_on(value, match.device)}
        self._copies = {path: tensor.detach().clone() for path, tensor in self._tensors.items()}
        self._host = {path: value for path, value in held.items() if path not in self._tensors}

    def put_back(self) -> None:
        """Make the tensors what they were."""
        with torch.no_grad():
            for path, tensor in self._tensors.items():
                tensor.copy_(self._copies[path])

    def kept_otherwise(self, after: State) -> Iterator[str]:
        """Why the state after a step cannot be reached by doing the same with the same tensors."""
        for path, value in after._host.items():
            if path not in self._host or not _equal(self._host[path], value):
                yield f"'{path}' changes on the host"
        for path, tensor in after._tensors.items():
            if path not in self._tensors or self._tensors[path].data_ptr() != tensor.data_ptr():
                yield f"'{path}' is another tensor after each step"
        for path in {**self._host, **self._tensors}.keys() - {**after._host, **after._tensors}.keys():
            yield f"'{path}' is gone after a step"

    def differently(self, one: State, other: State) -> str | None:
        """In which of two states after the same step something has come out otherwise, in words; None in neither."""
        change: dict[str, float] = defaultdict(float)
        difference: dict[str, float] = defaultdict(float)
        for path, before in self._copies.items():
            a, b = one._copies[path], other._copies[path]
            if not before.is_floating_point():
                if not torch.equal(a, b):
                    return f"'{path}' comes out otherwise in a replay"
                continue
            group = path.partition("/")[0]
            change[group] += _square(a, before)
            difference[group] += _square(a, b)
        for group, square in difference.items():
            if not square <= SHARE**2 * change[group]:
                return f"the {group} come out otherwise in a replay"
        return None


class CudaGraphs:
    """Kernels recorded as CUDA graphs, which share their memory."""

    def __init__(self, device: torch.device) -> None:
        self._index = torch.cuda.current_device() if device.index is None else device.index
        self._stream = torch.cuda.Stream(self._index)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def rehearse(self, work: Work) -> None:
        """On the stream on which will be recorded."""
        now = torch.cuda.current_stream(self._index)
        self._stream.wait_stream(now)
        with torch.cuda.stream(self._stream):
            work()
        now.wait_stream(self._stream)

    def record(self, work: Work) -> Work:
        """The kernels do not run before the first replay."""
        graph = torch.cuda.CUDAGraph()
        gc.collect()  # what is freed later would be freed in the midst of the recording
        try:
            with (
                torch.cuda.device(self._index),
                torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"),
            ):
                work()
        except Exception:
            # The global generator would go on as if it were still recorded.
            fresh = torch.Generator(torch.device("cuda", self._index))
            torch.cuda.default_generators[self._index].graphsafe_set_state(fresh.graphsafe_get_state())
            raise
        return graph.replay


def _host(match: Match) -> Any:
    """Where the generators of the host stand, which no part of a recorded step may draw from."""
    torchs = None if match.device.type == "cpu" else torch.default_generator.get_state().tolist()
    numpy = np.random.get_state(legacy=False)
    return random.getstate(), numpy["state"]["key"].tobytes(), numpy["state"]["pos"], numpy["has_gauss"], torchs


def _count_on_device(match: Match) -> None:
    """Let optimizers that count their steps on the host count them on the device."""
    for player in map(match.player, match.players):
        for values in player.optimizer.state.values():
            if _is_on(values.get("step"), torch.device("cpu")):
                values["step"] = values["step"].to(match.device)


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


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{path}/{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}/{index}")
    else:
        yield path, value


def _is_on(value: Any, device: torch.device) -> bool:
    return isinstance(value, Tensor) and value.device.type == device.type


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return torch.equal(one, other)
    return bool(one == other)


def _square(one: Tensor, other: Tensor) -> float:
    return float((one.double() - other.double()).square().sum())
