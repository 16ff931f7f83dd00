"""Components and their kinds; floor 0, no torch."""

from ganreg.components.base import KIND_MARKER, Component
from ganreg.components.bases import Head, SidedPenalty
from ganreg.components.kinds import (
    EVENTS,
    KINDS,
    Augmentation,
    Dataset,
    Discriminator,
    Encoder,
    Extractor,
    Game,
    Generator,
    Loss,
    Metric,
    Observer,
    Optimizer,
    Penalty,
    Schedule,
)

__all__ = [
    "EVENTS",
    "KINDS",
    "KIND_MARKER",
    "Augmentation",
    "Component",
    "Dataset",
    "Discriminator",
    "Encoder",
    "Extractor",
    "Game",
    "Generator",
    "Head",
    "Loss",
    "Metric",
    "Observer",
    "Optimizer",
    "Penalty",
    "Schedule",
    "SidedPenalty",
]
