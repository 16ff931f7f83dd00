"""ganreg: GANs from parts that install with pip and compose by name."""

from ganreg.api import component, compose, load
from ganreg.batch import Batch, DiscriminatorOutput
from ganreg.components import (
    Augmentation,
    Dataset,
    Discriminator,
    Encoder,
    Game,
    Generator,
    Loss,
    Metric,
    Observer,
    Optimizer,
    Penalty,
    Schedule,
)
from ganreg.errors import GanregError
from ganreg.hookspecs import hookimpl
from ganreg.spec.runspec import RunSpec
from ganreg.task import Task

__all__ = [
    "Augmentation",
    "Batch",
    "Dataset",
    "Discriminator",
    "DiscriminatorOutput",
    "Encoder",
    "GanregError",
    "Game",
    "Generator",
    "Loss",
    "Metric",
    "Observer",
    "Optimizer",
    "Penalty",
    "RunSpec",
    "Schedule",
    "Task",
    "component",
    "compose",
    "hookimpl",
    "load",
]
