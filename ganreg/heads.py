"""What a head on a discriminator asks about its base; components import it at their top, so torch stands inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ganreg.batch import DiscriminatorOutput
    from ganreg.components import Head
    from ganreg.task import Task


def outline(head: Head, task: Task) -> DiscriminatorOutput:
    """What the base of a head says of two pictures, if it can on the meta device: shapes, for the layers of the head.

    Raises ValueError for a base of several scales.
    """
    import torch

    its = head.inner(task)

    def said(device: str) -> DiscriminatorOutput:
        with torch.device(device):
            labels = None if its.classes is None else torch.zeros(2, dtype=torch.int64)
            output: DiscriminatorOutput = head.base.build(its)(torch.zeros(2, *its.image), labels)
        return output

    try:
        output = said("meta")
    except Exception:  # a base that reads numbers; what is wrong with any other, it says again
        output = said("cpu")
    if isinstance(output.embedding, tuple | list):
        raise ValueError(f"'{head.base.name}' has not one embedding, but one for each scale")
    return output
