"""Which checkpoint of a run is the best, as its log tells."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from ganreg.components import Metric
from ganreg.errors import Mistake, SpecError
from ganreg.spec.runspec import Best


class Standing:
    """The step of the best measurement so far, the first of equals; None where there is none.

    It follows from the log, which a resume cuts back to its step: nothing is remembered beside it.
    """

    def __init__(self, best: Best | None) -> None:
        self.step: int | None = None
        self._best = best
        self._value = math.inf
        self._heard: set[str] = set()
        self._asked: set[int] = set()

    def recall(self, log: Iterable[Mapping[str, Any]]) -> None:
        """Begin anew with the records of a log."""
        self.step, self._value = None, math.inf
        for record in log:
            self.hear(record["step"], record.get("metrics", {}))

    def hear(self, step: int, figures: Mapping[str, float | None], by: Metric | None = None) -> None:
        """Take note of the figures of a step, and of the metric that gave them. What is not finite is not the best."""
        self._heard.update(figures)
        if by is not None:
            self._asked.add(id(by))
        value = figures.get(self._best.metric) if self._best else None
        if self._best is None or value is None or not math.isfinite(value):
            return
        value = value if self._best.mode == "min" else -value
        if value < self._value:
            self.step, self._value = step, value

    def lacking(self, metrics: Sequence[Metric]) -> SpecError | None:
        """The error to raise where each of the metrics was heard and none gave the figure; else None."""
        if self._best is None or self._best.metric in self._heard or not {id(m) for m in metrics} <= self._asked:
            return None
        names = sorted(self._heard)
        near = get_close_matches(self._best.metric, names, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"they give {', '.join(names) or 'pictures alone'}"
        message = f"no metric of the run gives '{self._best.metric}'"
        return SpecError([Mistake(message, ("output", "best"), hint=hint)])
