"""Penalties with a memory: distances from an average of what has been."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt

from ganreg import Penalty
from ganreg_penalties.weights import WeightPenalty

if TYPE_CHECKING:
    from torch import nn

    from ganreg.task import Task


class PathLength(Penalty, name="path-length"):
    """Path length regularization of StyleGAN2 (Karras et al., 2019; arXiv:1912.04958, equation 4).

    E[(‖Jᵀy‖₂ - a)²] with J = ∂G(w)/∂w, y ~ N(0, 1)/√(H·W) for each value of a picture, and a the running mean of
    ‖Jᵀy‖₂, this batch included. Jᵀy is the gradient of G(w)·y. w is what the generator's `mapping` makes of z, from
    which its `synthesis` makes pictures, where it has both; for other generators it is z. Of one w per layer,
    (N, layers, D), ‖Jᵀy‖² is averaged over layers. StyleGAN2 has `every: 4`.
    """

    player = "generator"
    double_backward = True

    weight: NonNegativeFloat = Field(2.0, description="factor of the term (γ)")
    decay: float = Field(0.01, gt=0, le=1, description="share of the newest batch in the running mean")
    latent: Literal["w", "z"] | None = Field(None, description="differentiate by this latent; null for w where it is")

    @property
    def requires(self) -> frozenset[str]:
        """A mapping, where w is asked for."""
        return frozenset({"mapping"} if self.latent == "w" else ())

    def build(self, task: Task) -> nn.Module:
        """The penalty with its mean as a buffer."""
        from ganreg_penalties.averages import PathLength

        return PathLength(self.decay, self.latent)


class LeCam(Penalty, name="lecam"):
    """LeCam regularization, for few data (Tseng et al., 2021; arXiv:2104.03310).

    E[(D(x) - α_F)²] + E[(D(G(z)) - α_R)²], where α_R and α_F are moving averages of what D said of real and of
    generated pictures in its updates before: α ← decay·α + (1 - decay)·E[D], from 0.
    """

    weight: NonNegativeFloat = Field(0.3, description="factor of the term (λ)")
    decay: float = Field(0.99, ge=0, lt=1, description="share of the averages that stays (γ)")
    start: NonNegativeInt = Field(
        0, description="step before which there is no term, while the averages find their place"
    )

    def build(self, task: Task) -> nn.Module:
        """The penalty with its averages as buffers."""
        from ganreg_penalties.averages import LeCam

        return LeCam(self.decay, self.start)


class HistoricalAveraging(WeightPenalty, name="historical-averaging"):
    """Historical averaging (Salimans et al., 2016; arXiv:1606.03498, section 3.3): ‖θ - (1/t)·Σ θ[i]‖².

    θ are all trainable weights of a player, and θ[1] … θ[t] what they were after each of its updates so far.
    """

    def build(self, task: Task) -> Any:
        """The penalty with its averages."""
        from ganreg_penalties.averages import HistoricalAverage

        return HistoricalAverage(self.side)
