"""Bases for families of parts within a kind: penalties of either player, and heads on a discriminator."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from ganreg.components.kinds import Discriminator, Penalty

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg.batch import DiscriminatorOutput
    from ganreg.engine.play import Play
    from ganreg.task import Task


class SidedPenalty(Penalty):
    """A term that either player may have, on its own side's pictures; a spec names it once for each that has it.

    The discriminator's side is that of real pictures, the generator's that of generated ones.
    """

    side: Literal["discriminator", "generator"] = Field("discriminator", description="the player whose term it is")

    @property
    def player(self) -> str:  # type: ignore[override]
        """The side."""
        return self.side

    def images(self, play: Play) -> Tensor:
        """The pictures of the side, (N, C, H, W)."""
        return play.real if self.side == "discriminator" else play.fake

    def output(self, play: Play) -> DiscriminatorOutput:
        """What the discriminator says of them."""
        return play.real_output if self.side == "discriminator" else play.fake_output


class Head(Discriminator):
    """A discriminator on top of another, its base, which has one scale and does not grow.

    It `adds` to what the base provides, and `needs` something of that.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"embedding"})
    adds: ClassVar[frozenset[str]] = frozenset()

    base: Discriminator = Field(description="the discriminator that has the head")

    @property
    def provides(self) -> frozenset[str]:
        """What the base provides, and the head's own."""
        return frozenset(self.base.provides) | self.adds

    def inner(self, task: Task) -> Task:
        """The base's task, where it differs: a head that reads the labels itself takes the classes away."""
        return task

    def check(self, task: Task) -> None:
        """Refuse what the base refuses, and a base without what the head needs."""
        self.base.check(self.inner(task))
        lacking = self.needs - set(self.base.provides)
        if lacking:
            raise ValueError(f"its base '{self.base.name}' does not provide {' and '.join(sorted(lacking))}")
