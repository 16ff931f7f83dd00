"""Figures of several seeds as one: mean and spread, and the paired difference from a baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation of n values; no deviation where there is one value."""

    n: int
    mean: float
    sd: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """That of some values, at least one."""
        return cls(len(values), fmean(values), stdev(values) if len(values) > 1 else None)


@dataclass(frozen=True)
class Paired:
    """The mean of differences between runs of the same seed, n of them.

    se: its standard error, sd / sqrt(n). low, high: Student's interval with n - 1 degrees of freedom, in which the true
    difference lies with the probability CONFIDENCE where differences are normal. None where there is one pair.
    """

    n: int
    mean: float
    se: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, values: Mapping[int, float], baseline: Mapping[int, float]) -> Paired | None:
        """That of values by seed from those of the baseline; None where they share no seed."""
        differences = [values[seed] - baseline[seed] for seed in values if seed in baseline]
        if not differences:
            return None
        spread = Spread.of(differences)
        if spread.sd is None:
            return cls(1, spread.mean, None, None, None)
        se = spread.sd / math.sqrt(spread.n)
        reach = se * quantile(spread.n - 1)
        return cls(spread.n, spread.mean, se, spread.mean - reach, spread.mean + reach)


def quantile(freedom: int, confidence: float = CONFIDENCE) -> float:
    """t with P(-t < T < t) = confidence, for Student's T with so many degrees of freedom, at least one."""
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        angle = (low + high) / 2
        low, high = (angle, high) if _within(angle, freedom) < confidence else (low, angle)
    return math.sqrt(freedom) * math.tan(low)


def _within(angle: float, freedom: int) -> float:
    """P(-t < T < t) for t = sqrt(freedom) tan(angle), by the series of Abramowitz & Stegun, 26.7.3 and 26.7.4."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = total = (cosine if odd else 1.0) if freedom > 1 else 0.0
    for k in range(2 + odd, freedom - 1, 2):
        term *= cosine**2 * (k - 1) / k
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
