"""Means, spreads and paired differences against tables and formulas."""

import math
from statistics import NormalDist

import pytest

from ganreg.report.pooling import Paired, Spread, quantile


@pytest.mark.parametrize(
    ("freedom", "t"),
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (5, 2.5706), (9, 2.2622), (10, 2.2281), (30, 2.0423)],
)
def test_quantiles_are_those_of_the_tables(freedom: int, t: float) -> None:
    assert quantile(freedom) == pytest.approx(t, abs=5e-5)


def test_quantiles_near_the_normal_distributions_for_many_degrees_of_freedom() -> None:
    assert quantile(10_000) == pytest.approx(NormalDist().inv_cdf(0.975), abs=3e-4)
    assert quantile(1, 0.5) == pytest.approx(1)
    assert quantile(2, 0.9) == pytest.approx(2.9200, abs=5e-5)


def test_a_spread_is_the_samples() -> None:
    assert Spread.of([1.0, 2.0, 6.0]) == Spread(3, 3.0, math.sqrt(7))
    assert Spread.of([5.0]) == Spread(1, 5.0, None)


def test_a_difference_is_over_common_seeds_alone() -> None:
    values, base = {0: 3.0, 1: 5.0, 2: 4.0, 9: 100.0}, {0: 1.0, 1: 2.0, 2: 3.0, 7: -100.0}
    found = Paired.of(values, base)
    assert found is not None
    assert (found.n, found.mean) == (3, 2.0)
    assert found.se == pytest.approx(1 / math.sqrt(3))
    assert found.high is not None
    assert found.high - found.mean == pytest.approx(4.3027 / math.sqrt(3), abs=1e-4)
    assert found.mean - (found.low or 0) == pytest.approx(found.high - found.mean)
    assert Paired.of({0: 3.0}, base) == Paired(1, 2.0, None, None, None)
    assert Paired.of({5: 3.0}, base) is None
