"""What the parts of a run read of what its discriminators say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ganreg.assembly import Parts
from ganreg.components import Component
from ganreg.spec.runspec import RunSpec

LARGE: Mapping[str, Any] = {"features": (), "embedding": None}
"""What is large of a discriminator's output, and what stands in its place where no part of the run requires it."""


@dataclass(frozen=True)
class Reading:
    """What is read of outputs; the rest is neither kept nor sent.

    unasked: what is large and required by no part, with what stands in its place. loss_reads_features,
    listeners_read_features: whether the loss requires features, and a part that listens to updates.
    """

    unasked: Mapping[str, Any]
    loss_reads_features: bool
    listeners_read_features: bool


def reading_of(spec: RunSpec, parts: Parts) -> Reading:
    """What the parts of a spec, and what they have built, read of outputs."""
    required = {word for _, part in spec.components() for word in part.requires}
    return Reading(
        {word: empty for word, empty in LARGE.items() if word not in required},
        any("features" in part.requires for path, part in spec.components() if path[0] == "loss"),
        any("features" in part.requires for part in _listening(spec, parts)),
    )


def _listening(spec: RunSpec, parts: Parts) -> Iterator[Component]:
    """The components of the parts that listen to updates."""
    built = [(getattr(spec, name), getattr(parts, name)) for name in ("game", "loss", "augment", "schedule")]
    built += [(term.spec, term.built) for term in parts.penalties]
    return (component for component, part in built if hasattr(part, "after_update"))
