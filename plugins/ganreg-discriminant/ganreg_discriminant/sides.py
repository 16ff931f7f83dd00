"""What the penalties of either player have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from ganreg import Penalty

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg import DiscriminatorOutput
    from ganreg.engine.play import Play
    from ganreg.task import Task


class ClassTerm(Penalty):
    """A term about classes that both players have; a spec names it once for each of them."""

    side: Literal["discriminator", "generator"] = Field("discriminator", description="the player whose term it is")

    @property
    def player(self) -> str:  # type: ignore[override]
        """The player whose term it is."""
        return self.side

    def check(self, task: Task) -> None:
        """Refuse runs without classes."""
        needs_classes(task)

    def output(self, play: Play) -> DiscriminatorOutput:
        """What the discriminator says of the side: real pictures for the discriminator, generated for the generator."""
        return play.real_output if self.side == "discriminator" else play.fake_output


def needs_classes(task: Task) -> int:
    """How many there are. Raises ValueError in an unconditional run."""
    if task.classes is None:
        raise ValueError("needs classes: take data that has labels, and set conditional: true")
    return task.classes


def labels_of(output: DiscriminatorOutput) -> Tensor:
    """(N,) the classes of the pictures, which `check` has seen to."""
    assert output.labels is not None
    return output.labels
