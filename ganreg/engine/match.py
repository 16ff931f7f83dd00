"""Match: one game being played. Its verbs are what a schedule is written with."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from difflib import get_close_matches
from functools import partial, reduce
from typing import Any

import torch
from torch import Tensor, nn

from ganreg.assembly import Parts, reads_real
from ganreg.engine.counters import Counter, notice
from ganreg.engine.ema import Ema
from ganreg.engine.fakes import Fakes
from ganreg.engine.guards import Guard
from ganreg.engine.order import convolves
from ganreg.engine.play import Play
from ganreg.engine.player import Player
from ganreg.engine.reading import reading_of
from ganreg.engine.recorder import Recorder
from ganreg.engine.restore import restore, saved
from ganreg.engine.rows import Rows, rows_of
from ganreg.engine.scaled_loss import ScaledLoss
from ganreg.engine.sources import Batches, Sources
from ganreg.engine.stage import Stage, set_stage
from ganreg.engine.terms import Terms, differentiate, due, terms_of
from ganreg.engine.world import ALONE, World
from ganreg.errors import Mistake, SpecError
from ganreg.rng import keyed, keyed_pictures, rekey
from ganreg.seeds import derive
from ganreg.spec.runspec import RunSpec

Refinement = Callable[[Play, Tensor], Tensor]


class Match:
    """One game being played: networks, players, and the verbs by which a schedule moves them.

    step_index: steps completed. position: real batches used up. terms: each player's last terms, by "player/term".
    attempt: how often the run was rolled back. unseen: whether not all that looks on is done with the last step.
    turns: of each player in the present step. sources: of real pictures and noise. recorder: what replays steps, if
    anything does. current_stage: of growth. reading: what is read of outputs.
    """

    step_index = Counter()
    position = Counter()

    def __init__(
        self, spec: RunSpec, parts: Parts, feed: Batches | None, device: torch.device, world: World = ALONE
    ) -> None:
        self.spec = spec
        self.parts = parts
        self.device = device
        self.world = world
        self.networks = parts.networks
        modules = [part for _, part in parts.others() if isinstance(part, nn.Module)]
        self.own_weights = [p for module in modules for p in module.parameters() if p.requires_grad]
        self._listeners = [part for _, part in parts.others() if hasattr(part, "after_update")]
        self.loss = ScaledLoss(parts.loss, spec, generator_uses_real=reads_real(spec.loss, parts.loss))
        self.reading = reading_of(spec, parts)
        self.guard = Guard(deferred=device.type != "cpu")
        self.terms: dict[str, Tensor] = {}
        self.metrics: Mapping[str, Any] = {}
        self.step_index = 0
        self.position = 0
        self.attempt = 0
        self.unseen = False
        self.channels_last = False
        self.recorder: Recorder | None = None
        self.current_stage = Stage()
        self.sources = Sources(self, feed)
        self._players = {
            name: Player(name, {n: self.networks[n] for n in owned}, parts.optimizers[name])
            for name, owned in spec.game.players.items()
        }
        generators = {n: self.networks[n] for n, role in spec.game.networks.items() if role == "generator"}
        self.ema = Ema(generators, partial(spec.ema.at, train=spec.train)) if spec.ema else None
        self.generators: Mapping[str, nn.Module] = self.ema.networks if self.ema else generators
        self.fakes = Fakes(self)
        self.turns: Tally[str] = Tally()
        self._rows, self._all_rows = rows_of(spec.train, world), rows_of(spec.train)
        self._plays: dict[str, list[Play]] = {}
        self._mover: str | None = None
        self._refinement: Refinement | None = None
        self._looking_ahead = False

    @property
    def seed(self) -> int:
        """What all draws of a step follow from: another one each time that the run was rolled back."""
        return derive(self.spec.seed, "attempt", self.attempt) if self.attempt else self.spec.seed

    @property
    def players(self) -> tuple[str, ...]:
        """The players' names, in the game's order."""
        return tuple(self._players)

    def player(self, name: str) -> Player:
        """A player by name. Raises SpecError with those there are: it is schedules that name players."""
        if name not in self._players:
            told = f"the schedule '{self.spec.schedule.name}' names a player '{name}'"
            there = f"the players of the game '{self.spec.game.name}' are {', '.join(self.players)}"
            hint = "take a schedule that names these, or goes over `game.players` as `simultaneous` does"
            near = get_close_matches(name, self.players, n=1)
            raise SpecError(
                [Mistake(f"{told}; {there}", ("schedule",), hint=f"did you mean '{near[0]}'?" if near else hint)]
            )
        return self._players[name]

    # The verbs.

    def update(self, player: str) -> None:
        """One turn: gradients on a fresh batch, then the optimizer's step."""
        self.gradients(player)
        self.apply(player)

    def gradients(self, player: str) -> None:
        """Fill the player's gradients from a fresh turn. The k-th turns of all players in a step share one batch."""
        turn, mover = self._take_turn(player), self.player(player)
        mover.forget_gradients()
        for weight in self.own_weights:  # what a part learns, it learns of each turn by itself
            weight.grad = None
        seen: Terms = {}
        self._plays.pop(player, None)
        with self._only(player), self._own_draws(player, turn):
            for rows in self._rows:
                play = self._play(player, turn, rows)
                terms = self.terms_of(play)
                play.let_go(self.reading.unasked)
                differentiate(self, player, terms, play.gathered)
                if self._listeners:
                    play.rest()
                _add(seen, {name: value.detach() for name, value in terms.items()})
        if not self.world.alone:
            trained = [*mover.parameters, *self.own_weights]
            seen = self.world.average_gradients(trained, seen, [penalty.name for penalty in due(self, play)])
        self._log(player, seen)

    def objective(self, player: str) -> Callable[[], Tensor]:
        """The player's loss of a fresh turn, as a function of the weights as they stand when it is called.

        Each call plays the same turn again, with the same batch and noise, and nobody is frozen: the loss has the graph
        of all players' parameters, and can be differentiated by them as often as it takes. Whoever calls it writes
        the gradients himself, `parameter.grad = …` for `game.player(player).parameters`, before `apply(player)`.
        Of several processes each plays the whole batch: what is made of the gradients is not always their mean.
        """
        turn = self._take_turn(player)

        def loss() -> Tensor:
            notice("an objective keys the global generators itself")
            rekey(derive(self.seed, "objective", self.step_index, player, turn))  # dropout is the same each time
            total: Terms = {}
            self._plays.pop(player, None)
            for rows in self._all_rows:
                play = self._play(player, turn, rows)
                with play.twice_differentiable(), self.world.apart():
                    _add(total, self.terms_of(play))
            self._log(player, {name: value.detach() for name, value in total.items()})
            return reduce(torch.add, total.values())

        return loss

    def apply(self, player: str) -> None:
        """Move the player along its gradients, and tell the parts that listen."""
        mover = self.player(player)
        if player not in self._plays:
            raise ValueError(f"apply('{player}') without gradients('{player}') before it")
        *before, play = self._plays.pop(player)
        terms = {name: value for name, value in self.terms.items() if name.startswith(f"{player}/")}
        norm = self.guard.judge(play, mover, terms)
        if self.spec.train.clip is not None:
            nn.utils.clip_grads_with_norm_(mover.parameters, self.spec.train.clip, norm)
        mover.step()
        self.fakes.moved(player)
        if self._looking_ahead:
            return
        mover.updates += 1
        if self._listeners:
            for part in (*before, play):  # an objective leaves a graph
                part.rest()
            play.close(before)
        for part in self._listeners:
            part.after_update(play)

    @contextmanager
    def lookahead(self, *players: str, optimizers: bool = True) -> Iterator[None]:
        """What moves inside is a trial: weights and optimizer state return on leaving, gradients stay.

        All players where none is named. With `optimizers=False` only the weights return (extrapolation that the
        moments of Adam take part in). Running statistics and the parts' own state are not taken back; the parts
        are not told of trial updates.
        """
        with ExitStack() as stack:
            for name in players or self.players:
                stack.enter_context(self.player(name).restored(optimizer=optimizers))
            outer, self._looking_ahead = self._looking_ahead, True
            try:
                yield
            finally:
                self._looking_ahead = outer

    @contextmanager
    def refine(self, refinement: Refinement) -> Iterator[None]:
        """Within, every play's z is `refinement(play, z)` (LOGAN); gradients pass through it."""
        outer, self._refinement = self._refinement, refinement
        try:
            yield
        finally:
            self._refinement = outer

    def stage(self, index: int, size: int | None = None, fade: float = 1.0) -> None:
        """Stand in a stage of growth: networks with `set_stage(index, fade)` change, real pictures shrink to `size`.

        fade in [0, 1] is how far the stage has come in: below 1, real pictures are blended with those of half the
        size (Karras et al., 2017; arXiv:1710.10196). New parameters join their player's optimizer and the moving
        average; the others keep their state.
        """
        stage = Stage(index, size, fade)
        if stage == self.current_stage:
            return
        self._forget()
        grows = index != self.current_stage.index
        self.current_stage = stage
        with keyed(self.spec.seed, "stage", index):
            for network in self.networks.values():
                set_stage(network, index, fade)
                network.to(self.device)
            if self.ema:
                self.ema.stage(index, fade, self.device)
        self.fakes.grow()
        if grows:
            self.lay_out(self.channels_last)
            for player in self._players.values():
                player.reseat()

    def noise(self, count: int, *key: str | int) -> Tensor:
        """(count, latent) of the spec's distribution, a function of seed and key."""
        return self.sources.noise(count, *key)

    # What the engine and the plays use.

    def lay_out(self, channels_last: bool) -> None:
        """Keep kernels in memory with their channels last, or first, as torch makes them.

        Where the spec leaves it open, networks that do not convolve by layers stay as they are made.
        """
        self.channels_last = channels_last
        everywhere = self.spec.train.channels_last is True
        for network in (*self.networks.values(), *(self.ema.networks.values() if self.ema else ())):
            last = channels_last and (everywhere or convolves(network))
            network.to(memory_format=torch.channels_last if last else torch.contiguous_format)

    def step(self) -> None:
        """Play one step of the schedule. Its randomness follows from seed and step alone."""
        self.rekey()
        if self.recorder is None:
            self.perform()
        else:
            self.recorder.step()
        if not self.world.alone:
            buffers = [b for network in self.networks.values() for b in network.buffers()]
            self.world.follow(buffers)  # each has them of its own rows
        if self.ema:
            self.ema.update(self.step_index)
        self.position += max(self.turns.values(), default=0)
        self.step_index += 1

    def perform(self) -> None:
        """Play the schedule once."""
        self.turns.clear()
        try:
            self.parts.schedule.step(self)
        finally:
            self.fakes.clear()
            self.sources.clear()

    def rekey(self) -> None:
        """Key the global generators for the present step."""
        rekey(derive(self.seed, "global", self.step_index))

    @property
    def shares_fakes(self) -> bool:
        """Whether a turn may see pictures that another made.

        An objective has a graph of its own each time, a refinement a z of its own, and parts of a batch come too often.
        """
        return self._mover is not None and self._refinement is None and self.spec.train.accumulate == 1

    def refined(self, play: Play, z: Tensor) -> Tensor:
        """z after the refinement in force."""
        return self._refinement(play, z) if self._refinement else z

    def state(self) -> dict[str, Any]:
        """All that a checkpoint needs, as nested dicts of tensors and plain values."""
        return saved(self)

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from a `state()`, to which this match then is equal. Raises CheckpointError where it cannot be.

        A refused state may have been taken in half: play on only from another.
        """
        self._forget()
        restore(self, state)

    def _forget(self) -> None:
        """Other tensors may stand in place of those that a recorded step knows."""
        if self.recorder:
            self.recorder.forget()

    def _take_turn(self, player: str) -> int:
        turn = self.turns[self.player(player).name]
        self.turns[player] += 1
        return turn

    def _play(self, player: str, turn: int, rows: Rows) -> Play:
        """The player's turn on rows of the batch."""
        shared = turn < self.spec.schedule.shared_turns
        batch = partial(self.sources.batch, self.position + turn, rows.own, shared=shared)
        play = Play(self, player, turn, batch, rows)
        before = self._plays.get(player, ()) if self._listeners else ()
        self._plays[player] = [*before, play]
        return play

    def terms_of(self, play: Play) -> Terms:
        """What the player minimizes on a part of a batch."""
        return terms_of(self, play)

    def _log(self, player: str, seen: Mapping[str, Tensor]) -> None:
        named = {f"{player}/{name}": value.to(self.device) for name, value in seen.items()}
        if self.guard.deferred:
            self.guard.see(self.step_index, named.items())
        self.terms.update(named)

    def _own_draws(self, player: str, turn: int) -> AbstractContextManager[None]:
        """Within, each of several processes draws for its pictures what no other draws for its own.

        What moves weights comes after, and draws the same in all: an optimizer may add noise.
        """
        if self.world.alone:
            return nullcontext()
        return keyed_pictures(self.seed, "global", self.step_index, player, turn, self.world.rank)

    @contextmanager
    def _only(self, player: str) -> Iterator[None]:
        others = [other for name, other in self._players.items() if name != player]
        for other in others:
            other.freeze(True)
        self._mover = player
        try:
            yield
        finally:
            self._mover = None
            for other in others:
                other.freeze(False)


def _add(seen: dict[str, Tensor], share: Mapping[str, Tensor]) -> None:
    for name, value in share.items():
        seen[name] = seen[name] + value if name in seen else value
