"""What the penalties of either player have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganreg import SidedPenalty

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg import DiscriminatorOutput
    from ganreg.task import Task


class ClassTerm(SidedPenalty):
    """A term about classes."""

    def check(self, task: Task) -> None:
        """Refuse runs without classes."""
        needs_classes(task)


def needs_classes(task: Task) -> int:
    """How many there are. Raises ValueError in an unconditional run."""
    if task.classes is None:
        raise ValueError("needs classes: take data that has labels, and set conditional: true")
    return task.classes


def labels_of(output: DiscriminatorOutput) -> Tensor:
    """(N,) the classes of the pictures, which `check` has seen to."""
    assert output.labels is not None
    return output.labels
