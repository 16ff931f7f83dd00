"""ganreg: GANs from parts that install with pip and compose by name.

The names load when they are first used, so that the command line starts fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganreg.api import component, compose, load
    from ganreg.batch import Batch, DiscriminatorOutput, Features
    from ganreg.components import (
        Augmentation,
        Dataset,
        Discriminator,
        Encoder,
        Extractor,
        Game,
        Generator,
        Head,
        Loss,
        Metric,
        Observer,
        Optimizer,
        Penalty,
        Schedule,
        SidedPenalty,
    )
    from ganreg.errors import GanregError
    from ganreg.heads import outline
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
    "Extractor",
    "Features",
    "Game",
    "GanregError",
    "Generator",
    "Head",
    "Loss",
    "Metric",
    "Observer",
    "Optimizer",
    "Penalty",
    "RunSpec",
    "Schedule",
    "SidedPenalty",
    "Task",
    "component",
    "compose",
    "hookimpl",
    "load",
    "outline",
]

_HOMES = {
    "Batch": "ganreg.batch",
    "DiscriminatorOutput": "ganreg.batch",
    "Features": "ganreg.batch",
    "GanregError": "ganreg.errors",
    "RunSpec": "ganreg.spec.runspec",
    "Task": "ganreg.task",
    "component": "ganreg.api",
    "compose": "ganreg.api",
    "hookimpl": "ganreg.hookspecs",
    "load": "ganreg.api",
    "outline": "ganreg.heads",
}
"""Where the names live; those that are not here are kinds and bases of parts."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'ganreg' has no attribute '{name}'")
    value = getattr(import_module(_HOMES.get(name, "ganreg.components")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
