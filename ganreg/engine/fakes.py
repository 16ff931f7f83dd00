"""The generated pictures of a turn, made once for all players that look at them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING
from weakref import proxy

from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ganreg.engine.match import Match
    from ganreg.engine.play import Play

GENERATOR = "generator"


class Fakes:
    """Pictures by the number of the turn, for as long as the generator that made them stands still, and so do they.

    The discriminator comes first in most schedules. That its turn leaves a graph for the generator's takes memory, and
    is done for as many turns as the schedule says that both will have (`Schedule.shared_turns`), unless
    `train.reuse_fakes` says that it is not.
    """

    def __init__(self, match: Match) -> None:
        self._match: Match = proxy(match)  # a match that has been tried is large, and goes with its last name
        self._made: dict[int, tuple[object, int, Tensor]] = {}

    def clear(self) -> None:
        """Forget them; a step is over."""
        self._made.clear()

    def moved(self, player: str) -> None:
        """Forget them where the generator has moved: not every optimizer's kernel counts up a tensor's version."""
        if player == self._owner:
            self.clear()

    def grow(self) -> None:
        """Forget all of a generator that makes other pictures, or has other tensors, in another stage."""
        self.clear()
        vars(self).pop("_tensors", None)

    def of(self, play: Play) -> Tensor:
        """The pictures of a turn. They carry a graph of the generator where its weights require gradients."""
        match, owner = self._match, self._owner
        if owner is None or not match.shares_fakes:
            return play.generate(play.z, play.labels)
        mine = play.player == owner
        before, version, images = self._made.pop(play.turn, (None, 0, None))
        stands = images is not None and before == self._state() and version == images._version
        if images is not None and stands and (images.requires_grad or not mine):
            return images if mine else images.detach()
        if mine or play.turn >= self._kept:
            images = play.generate(play.z, play.labels)
        else:
            with self._thawed(owner):
                images = play.generate(play.z, play.labels)
        self._made[play.turn] = (self._state(), images._version, images.detach() if mine else images)
        return images if mine else images.detach()

    @property
    def _kept(self) -> int:
        """Of how many turns the graph is kept for the generator's."""
        spec = self._match.spec
        return spec.schedule.shared_turns if spec.train.reuse_fakes else 0

    @cached_property
    def _owner(self) -> str | None:
        """The player that moves the generator."""
        players: Mapping[str, tuple[str, ...]] = self._match.spec.game.players
        return next((player for player, owned in players.items() if GENERATOR in owned), None)

    def _state(self) -> object:
        """What is another one after weights or buffers were written in place, as on leaving a lookahead."""
        return [tensor._version for tensor in self._tensors]

    @cached_property
    def _tensors(self) -> list[Tensor]:
        """The generator's; networks are slow to list."""
        network = self._match.networks[GENERATOR]
        return [*network.parameters(), *network.buffers()]

    @contextmanager
    def _thawed(self, owner: str) -> Iterator[None]:
        self._match.player(owner).freeze(False)
        try:
            yield
        finally:
            self._match.player(owner).freeze(True)
