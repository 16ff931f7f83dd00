"""What follows the updates: factors along a ramp."""

from __future__ import annotations

from math import cos, pi
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt


class Curve(BaseModel):
    """A factor f of t: `start`, along a ramp, then `end`.

    With r = (t - delay)/steps between 0 and 1, f(t) = start + (end - start)·s(r). s(r) is r for `linear`,
    (1 - cos πr)/2 for `cosine` (Loshchilov & Hutter, 2016; arXiv:1608.03983), and for `constant` 0 until r is 1, then
    1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    start: NonNegativeFloat = Field(1.0, allow_inf_nan=False, description="the factor before")
    end: NonNegativeFloat = Field(1.0, allow_inf_nan=False, description="the factor after")
    delay: NonNegativeInt = Field(0, description="t at which the ramp begins")
    steps: PositiveInt = Field(1000, description="how long the ramp is")
    shape: Literal["linear", "cosine", "constant"] = Field("linear", description="of the ramp")
    times: Curve | None = Field(None, description="a curve that is multiplied: a warm-up, times a decay")

    def __call__(self, t: int) -> float:
        """f(t)."""
        share = min(max(t - self.delay, 0) / self.steps, 1.0)
        if self.shape == "cosine":
            share = (1 - cos(pi * share)) / 2
        elif self.shape == "constant":
            share = float(share == 1)
        own = self.start + (self.end - self.start) * share
        return own if self.times is None else own * self.times(t)

    def ends(self) -> list[float]:
        """All starts and ends."""
        return [self.start, self.end, *(self.times.ends() if self.times else ())]
