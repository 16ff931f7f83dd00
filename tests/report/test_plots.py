"""Curves: nothing is lost in a long one, the scale fits, and no number breaks a drawing."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ganreg.report.facts import Series
from ganreg.report.plots import BUCKETS, Buckets, curves, finite


def series(values, name="loss") -> Series:
    return Series(name, np.arange(1.0, len(values) + 1), np.array(values, dtype=float))


def drawn(*many: Series, **options) -> ElementTree.Element:
    return ElementTree.fromstring(curves(many, max(len(one.values) for one in many), "key", **options))


def ticks(svg: ElementTree.Element) -> list[str]:
    """The labels of both axes."""
    return [text.text or "" for text in svg.iter("{http://www.w3.org/2000/svg}text")]


def strokes(svg: ElementTree.Element) -> list[str]:
    """The series' colours, once for every path drawn in one."""
    styles = [path.get("style", "") for path in svg.iter("{http://www.w3.org/2000/svg}path")]
    return re.findall(r"stroke: (var\(--series-\d\))", " ".join(styles))


@given(st.integers(1, 5000), st.integers(0, 2**32), st.floats(1e-99, 1e99))
def test_buckets_keep_every_peak_and_the_mean(count, seed, size):
    values = size * np.random.default_rng(seed).uniform(-1, 1, count)
    buckets = Buckets.of(np.arange(count, dtype=float), values)
    assert len(buckets.steps) == min(count, BUCKETS)
    assert buckets.low.min() == values.min()
    assert buckets.high.max() == values.max()
    assert np.all(np.diff(buckets.steps) > 0)
    assert np.all(buckets.low <= buckets.mean + 1e-12 * size)
    assert np.all(buckets.mean <= buckets.high + 1e-12 * size)


def test_short_series_are_not_changed():
    values = np.random.default_rng(0).normal(size=BUCKETS)
    buckets = Buckets.of(np.arange(BUCKETS, dtype=float), values)
    for kept in (buckets.low, buckets.mean, buckets.high):
        assert np.array_equal(kept, values)


def test_the_smoothed_curve_follows_a_trend_to_its_ends_and_calms_noise():
    steps = np.arange(300.0)
    straight = Buckets.of(steps, 3 - steps / 50)
    assert np.allclose(straight.smooth(), straight.mean, atol=1e-12)
    noise = np.random.default_rng(0).normal(size=300)
    assert Buckets.of(steps, noise).smooth().std() < 0.35 * noise.std()


@given(st.lists(st.floats(-1e99, 1e99), min_size=24, max_size=400))
def test_the_smoothed_curve_stays_in_the_range_of_the_values(values):
    buckets = Buckets.of(np.arange(len(values), dtype=float), np.array(values))
    smooth = buckets.smooth()
    assert buckets.mean.min() <= smooth.min()
    assert smooth.max() <= buckets.mean.max()


@settings(max_examples=25, deadline=None)
@example([[1e-306, 1e-306, -1.0]], False)
@given(st.lists(st.lists(st.floats(), min_size=1, max_size=60), min_size=1, max_size=3), st.booleans())
def test_any_numbers_make_a_drawing(many, from_zero):
    svg = drawn(*[series(np.abs(values) if from_zero else values) for values in many], from_zero=from_zero)
    paths = [path.get("d", "") for path in svg.iter("{http://www.w3.org/2000/svg}path")]
    assert paths
    assert not [path for path in paths if "nan" in path or "inf" in path]


@pytest.mark.parametrize("value", [0.0, -3.5, 1e-300, 1e99, float("nan"), float("inf")])
@pytest.mark.parametrize("count", [1, 2, 500])
def test_constant_series_make_a_drawing(value, count):
    assert ticks(drawn(series([value] * count)))


def test_numbers_that_cannot_be_drawn_are_not_finite():
    assert finite(np.array([0, -1e99, 1e100, np.nan, np.inf, -np.inf])).tolist() == [True, True, *[False] * 4]


def test_few_points_are_one_line_and_many_have_a_smoothed_one_over_them():
    rng = np.random.default_rng(0)
    few, many = drawn(series([3, 1, 2])), drawn(series(rng.random(100)), series(rng.random(100)))
    assert set(strokes(few)) == {"var(--series-1)"}
    assert strokes(many) == ["var(--series-1)"] * 2 + ["var(--series-2)"] * 2


def test_colours_start_again_after_the_last():
    colours = dict.fromkeys(strokes(drawn(*[series(range(30), str(i)) for i in range(9)])))
    assert list(colours) == [f"var(--series-{i})" for i in range(1, 9)]


def test_a_loss_that_falls_by_magnitudes_gets_a_logarithmic_scale():
    labels = ticks(drawn(series(np.geomspace(1000, 0.001, 200))))
    assert {"0.001", "0.1", "10", "1,000"} <= set(labels)


def test_a_loss_of_both_signs_that_explodes_keeps_its_small_values_apart():
    labels = ticks(drawn(series(np.concatenate([np.sin(np.arange(200)), -np.geomspace(1, 1e6, 100)]))))
    assert {"−100,000", "−10", "−0.1", "0"} <= set(labels)


def test_a_small_penalty_beside_a_loss_leaves_the_scale_linear():
    rng = np.random.default_rng(0)
    labels = ticks(drawn(series(1 + rng.random(200)), series(1e-6 * rng.random(200), "r1")))
    assert {"0", "0.5", "1", "1.5", "2"} <= set(labels)


@pytest.mark.parametrize("slowest", [1000, 1])
def test_speed_has_a_linear_scale_from_zero(slowest):
    labels = ticks(drawn(series([slowest, *[1010] * 30]), from_zero=True))
    assert labels[-5:] == ["0", "250", "500", "750", "1,000"]


def test_steps_are_whole_numbers():
    assert ticks(drawn(series([1.0, 2.0])))[:3] == ["0", "1", "2"]


def test_the_users_matplotlib_settings_do_not_reach_the_drawing():
    import matplotlib

    before = curves([series([1, 2])], 2, "key")
    with matplotlib.rc_context({"lines.linestyle": "--", "xtick.labelsize": 30, "font.size": 30}):
        assert curves([series([1, 2])], 2, "key") == before
        assert matplotlib.rcParams["font.size"] == 30
