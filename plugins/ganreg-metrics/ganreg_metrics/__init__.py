"""Metrics of generated pictures for ganreg, and the extractors whose features they are measured in."""

from __future__ import annotations

from ganreg import Extractor, Metric, hookimpl
from ganreg_metrics.components import METRICS
from ganreg_metrics.extractors import EXTRACTORS

COMPONENTS: tuple[type[Metric] | type[Extractor], ...] = (*METRICS, *EXTRACTORS)


@hookimpl
def ganreg_components() -> list[type[Metric] | type[Extractor]]:
    """The components of this plugin."""
    return list(COMPONENTS)
