"""What is compared: each trainer as functions of a folder."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Trainer:
    """One way to train.

    train: to the last step, from the newest checkpoint where the folder holds one; the exit code. checkpoints: those
    of a folder under their final names, the newest last. load: the tensors of networks and optimizers in one.
    """

    name: str
    train: Callable[[Path], int]
    checkpoints: Callable[[Path], list[Path]]
    load: Callable[[Path], Tensors]

    def final(self, folder: Path) -> Tensors:
        """What a finished run has trained."""
        return self.load(self.checkpoints(folder)[-1])

    def loads(self, path: Path) -> bool:
        """Whether a checkpoint can be loaded."""
        try:
            self.load(path)
        except Exception:
            return False
        return True


NEEDS = {"lightning": ("lightning", "torchdata"), "accelerate": ("accelerate",), "ganreg": ("ganreg", "ganreg-classic")}
"""The distributions of each library's side."""
CAREFUL = ("lightning", "accelerate")
"""Libraries that are trained twice: as the guide to checkpoints says, and with everything that can be done."""


def installed(library: str) -> Iterator[Trainer]:
    """A library's trainers. Raises ImportError where it is not installed."""
    module = import_module(f"tests.crash.compare.with_{library}")
    functions = (module.checkpoints, module.load)
    yield Trainer(library, module.train, *functions)
    if library in CAREFUL:
        yield Trainer(f"{library}, careful", partial(module.train, careful=True), *functions)


def versions(libraries: list[str]) -> dict[str, str]:
    """What is measured."""
    distributions = [name for library in libraries for name in NEEDS[library]]
    base = {"python": platform.python_version(), "torch": torch.__version__}
    return base | {name: version(name) for name in distributions}


def same(one: Tensors, other: Tensors) -> bool:
    """Whether two sets of tensors are equal bit for bit."""
    return one.keys() == other.keys() and all(
        one[key].dtype == other[key].dtype
        and one[key].shape == other[key].shape
        and one[key].contiguous().numpy().tobytes() == other[key].contiguous().numpy().tobytes()
        for key in one
    )
