"""Which checkpoint of a run is the best, as its log tells."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from ganreg.errors import Mistake, SpecError
from ganreg.spec.runspec import Best


class Standing:
    """The step of the best measurement so far, the first of equals; None where there is none.

    It follows from the log, which a resume cuts back to its step: nothing is remembered beside it. Where several of the
    run's metrics give the figure, each measures by a protocol of its own, and the first of them in the spec counts;
    of one whose protocol changes, such as with the size of a growing network's pictures, the latest.
    metrics: their names, each another.
    """

    def __init__(self, best: Best | None, metrics: Sequence[str]) -> None:
        self._best = best
        self._metrics = metrics
        self._heard: set[str] = set()
        self._asked: set[str] = set()
        self.recall(())

    def recall(self, log: Iterable[Mapping[str, Any]]) -> None:
        """Begin anew with the records of a log."""
        self.step: int | None = None
        self._value = math.inf
        self._rank = len(self._metrics)
        self._protocol: Mapping[str, Any] = {}
        for record in log:
            if "metrics" in record:
                who = {"by": record.get("metric", ""), "protocol": record.get("protocol", {})}
                self.hear(record["step"], record["metrics"], **who)

    def hear(self, step: int, figures: Mapping[str, float | None], *, by: str, protocol: Mapping[str, Any]) -> None:
        """Take note of the figures of a step, and of the metric that gave them. What is not finite is not the best."""
        self._heard.update(figures)
        self._asked.add(by)
        if self._best is None or self._best.metric not in figures or by not in self._metrics:
            return
        rank = self._metrics.index(by)
        if rank > self._rank:
            return
        if rank < self._rank or protocol != self._protocol:
            self.step, self._value, self._rank, self._protocol = None, math.inf, rank, protocol
        value = figures[self._best.metric]
        if value is None or not math.isfinite(value):
            return
        value = value if self._best.mode == "min" else -value
        if value < self._value:
            self.step, self._value = step, value

    def lacking(self) -> SpecError | None:
        """The error to raise where each of the metrics was heard and none gave the figure; else None."""
        if self._best is None or self._best.metric in self._heard or not self._asked.issuperset(self._metrics):
            return None
        names = sorted(self._heard)
        near = get_close_matches(self._best.metric, names, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"they give {', '.join(names) or 'pictures alone'}"
        message = f"no metric of the run gives '{self._best.metric}'"
        return SpecError([Mistake(message, ("output", "best"), hint=hint)])
