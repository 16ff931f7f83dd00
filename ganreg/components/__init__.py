"""Components and their kinds; floor 0, no torch."""

from ganreg.components.base import KIND_MARKER, Component
from ganreg.components.bases import Head, SidedPenalty
from ganreg.components.kinds import (
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
