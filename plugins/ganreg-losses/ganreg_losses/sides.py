"""What the penalties of either player have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from ganreg import Penalty

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg import DiscriminatorOutput
    from ganreg.engine.play import Play


class EitherSide(Penalty):
    """A term that both players have, the discriminator on real and the generator on generated pictures.

    A spec names it once for each of them.
    """

    side: Literal["discriminator", "generator"] = Field("discriminator", description="the player whose term it is")

    @property
    def player(self) -> str:  # type: ignore[override]
        """The player whose term it is."""
        return self.side

    def images(self, play: Play) -> Tensor:
        """The pictures of the side, (N, C, H, W)."""
        return play.real if self.side == "discriminator" else play.fake

    def output(self, play: Play) -> DiscriminatorOutput:
        """What the discriminator says of them."""
        return play.real_output if self.side == "discriminator" else play.fake_output
