"""The game of noise to image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganreg import Game

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from ganreg.engine.play import Play


class Standard(Game, name="standard"):
    """One generator against one discriminator, from noise to pictures, with or without classes."""

    def terms(self, play: Play) -> Mapping[str, Tensor]:
        """The loss of the player whose turn it is."""
        if play.player == "discriminator":
            return {"loss": play.loss.discriminator(play.real_output, play.fake_output)}
        real = play.real_output if play.loss.generator_uses_real else None
        return {"loss": play.loss.generator(real, play.fake_output)}
