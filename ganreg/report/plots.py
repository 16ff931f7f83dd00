"""Curves as inline SVG that takes its colours from the page, so that one drawing serves light and dark."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ganreg.report.facts import Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = 8  # the page defines --series-1 to --series-8
BUCKETS = 320  # points of a curve: about one for every pixel and a half
SMOOTHED = 24  # points below which a curve is shown as it is
LARGEST = 1e100  # beyond it, axes overflow; counted as not finite
WIDE = 100  # largest over smallest magnitude of a curve at which a linear scale hides most of it
INK = "#000099"  # stands for the colour of the text, as #000001 to #000008 stand for those of the curves

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Buckets:
    """A long series cut into pieces: the range and the mean of each, at the mean of its steps."""

    steps: Array
    low: Array
    mean: Array
    high: Array

    @classmethod
    def of(cls, steps: Array, values: Array) -> Buckets:
        """Cut a series of finite values into at most BUCKETS pieces."""
        starts = np.unique(np.linspace(0, len(values), BUCKETS, endpoint=False).astype(int))
        counts = np.diff([*starts, len(values)])
        return cls(
            np.add.reduceat(steps, starts) / counts,
            np.minimum.reduceat(values, starts),
            np.add.reduceat(values, starts) / counts,
            np.maximum.reduceat(values, starts),
        )

    def smooth(self) -> Array:
        """Local linear regression over a twelfth of the curve: as calm as a moving average, and true at the ends."""
        count, reach = len(self.mean), max(len(self.mean) // 24, 2)
        fitted = np.empty(count)
        for i in range(count):
            near = np.arange(max(i - reach, 0), min(i + reach + 1, count))
            fitted[i] = np.polyfit(near - i, self.mean[near], 1)[1]
        return fitted.clip(self.mean.min(), self.mean.max())


def finite(values: Array) -> NDArray[np.bool_]:
    """Which values can be drawn."""
    return np.abs(np.nan_to_num(values, nan=np.inf)) < LARGEST


def curves(
    series: Sequence[Series], last_step: int, key: str, *, from_zero: bool = False, colours: Sequence[int] | None = None
) -> str:
    """An SVG element with each series as a light curve, or the band that it fills, under its smoothed one.

    A series with a spread is a curve in a band. key: sets the ids of this drawing apart from those of others on the
    page. from_zero: a linear scale from zero, for what is never negative. colours: numbers of the series' colours, from
    0; in their order without it. The same input gives the same text.
    """
    from matplotlib import style
    from matplotlib.figure import Figure

    look = {"svg.hashsalt": "ganreg", "svg.fonttype": "none", "font.family": ["DejaVu Sans"], "font.size": 10}
    with style.context(["default", look]):
        figure = Figure(figsize=(6.6, 3.3))
        axes = figure.add_axes((0.105, 0.135, 0.885, 0.84))
        for index, one in zip(colours or range(len(series)), series, strict=True):
            _draw(axes, one, f"#0000{1 + index % COLOURS:02x}")
        axes.locator_params(axis="y", nbins=5)
        if from_zero:
            axes.set_ylim(bottom=0)
        else:
            _scale(axes, [one.values[finite(one.values)] for one in series])
        _frame(axes, last_step)
        text = StringIO()
        figure.savefig(
            text, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    return _inline(text.getvalue(), key)


def _draw(axes: Axes, series: Series, colour: str) -> None:
    usable = finite(series.values)
    if usable.any():
        buckets = Buckets.of(series.steps[usable], series.values[usable])
        if series.spread is not None:
            reach = Buckets.of(series.steps[usable], np.nan_to_num(series.spread[usable])).mean
            low, high = buckets.mean - reach, buckets.mean + reach
            axes.fill_between(buckets.steps, low, high, color=colour, alpha=0.18, linewidth=0)
        if len(buckets.steps) < SMOOTHED:
            axes.plot(buckets.steps, buckets.mean, color=colour, linewidth=1.6, marker="o", markersize=3.5)
        elif series.spread is not None:
            axes.plot(buckets.steps, buckets.mean, color=colour, linewidth=1.6)
        else:
            if np.count_nonzero(usable) > BUCKETS:
                axes.fill_between(buckets.steps, buckets.low, buckets.high, color=colour, alpha=0.25, linewidth=0)
            else:
                axes.plot(buckets.steps, buckets.mean, color=colour, alpha=0.35, linewidth=0.9)
            axes.plot(buckets.steps, buckets.smooth(), color=colour, linewidth=1.8)
    lost = series.steps[~usable][:BUCKETS]
    axes.plot(lost, np.full_like(lost, 0.03), "x", color=colour, transform=axes.get_xaxis_transform())


def _scale(axes: Axes, curves: Sequence[Array]) -> None:
    """Linear, unless the largest curve itself spans too much; a small penalty beside a loss may lie at its foot."""
    sizes = max(
        (np.abs(values[values != 0]) for values in curves), key=lambda sizes: np.sum(sizes) / max(len(sizes), 1)
    )
    if len(sizes) == 0 or sizes.max() < WIDE * np.percentile(sizes, 5):
        return
    if all((values > 0).all() for values in curves):
        axes.set_yscale("log")
    else:
        # Some three hundred powers of ten, with a margin around them, are more than a float has.
        axes.set_yscale("symlog", linthresh=float(max(np.median(sizes), 1e-100 * sizes.max())))
    axes.locator_params(axis="y", numticks=6)


def _frame(axes: Axes, last_step: int) -> None:
    axes.set_xlim(0, max(last_step, 1) * 1.01)
    axes.minorticks_off()
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.locator_params(axis="x", integer=True, nbins=6)
    axes.yaxis.set_major_formatter(_tick)
    axes.tick_params(length=0, pad=6, colors=INK)
    axes.grid(axis="y", color=INK, alpha=0.13, linewidth=0.8)
    axes.spines[["top", "left", "right"]].set_visible(False)
    axes.spines["bottom"].set(color=INK, alpha=0.4)


def _tick(value: float, position: float) -> str:
    """1e-05 as 1e−5, and a minus sign that is as wide as a plus."""
    return re.sub(r"e([+-])0?", r"e\1", f"{value:,g}").replace("e+", "e").replace("-", "−")


def _inline(svg: str, key: str) -> str:
    """The element alone, with ids of its own, and the page's colours for those that stand for them."""
    svg = re.sub(r"<style.*?</style>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{key}-", svg)
    svg = svg.replace(INK, "currentColor")
    return re.sub(r"#00000([1-8])\b", r"var(--series-\1)", svg)
