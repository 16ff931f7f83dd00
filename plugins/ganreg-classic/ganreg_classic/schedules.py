"""Schedules of two players and of many."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, PositiveInt

from ganreg import Schedule

if TYPE_CHECKING:
    from ganreg.engine.match import Match


class Alternating(Schedule, name="alternating"):
    """The discriminator moves, then the generator (Goodfellow et al., 2014; arXiv:1406.2661, algorithm 1)."""

    discriminator_steps: PositiveInt = Field(1, le=1000, description="updates of the discriminator in each step")
    generator_steps: PositiveInt = Field(1, le=1000, description="updates of the generator in each step")

    shared_turns: ClassVar[int] = 1  # the generator's second comes after it has moved

    def step(self, game: Match) -> None:
        """Play one step."""
        for _ in range(self.discriminator_steps):
            game.update("discriminator")
        for _ in range(self.generator_steps):
            game.update("generator")


class Simultaneous(Schedule, name="simultaneous"):
    """All players move at once, each by the gradient at the point where the step began.

    Simultaneous gradient descent (Mescheder et al., 2017; arXiv:1705.10461, algorithm 1).
    """

    def step(self, game: Match) -> None:
        """Play one step."""
        for player in game.players:
            game.gradients(player)
        for player in game.players:
            game.apply(player)
