"""A penalty on the discriminator's level."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, NonNegativeFloat

from ganreg import Penalty

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg.engine.play import Play


class Drift(Penalty, name="drift"):
    """Keeps a critic's outputs from drifting away (Karras et al., 2017; arXiv:1710.10196, appendix A.1).

    E[D(x)²] over real pictures; `weight` is the paper's ε_drift.
    """

    weight: NonNegativeFloat = Field(0.001, description="factor of the term (ε)")

    def __call__(self, play: Play) -> Tensor:
        """The mean over the batch; a scalar."""
        from ganreg_penalties.outputs import mean_square

        return mean_square(play.real_output)
