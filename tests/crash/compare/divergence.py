"""Put one NaN into the generator's loss, and see what the run makes of it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from tests.crash.compare import toy
from tests.crash.compare.processes import Attempt
from tests.crash.compare.trainers import Tensors, Trainer


def measure(trainer: Trainer, folder: Path) -> dict[str, Any]:
    """How the run ends, and how many of the checkpoints that it kept are finite."""
    attempt = Attempt(partial(trainer.train, folder), poison)
    code = attempt.wait()
    kept = [finite(trainer.load(path)) for path in trainer.checkpoints(folder)]
    return {
        "exit code": code,
        "further steps": attempt.steps - middle(),
        "last checkpoint is finite": bool(kept) and kept[-1],
        "checkpoints kept": len(kept),
        "of these finite": sum(kept),
    }


def middle() -> int:
    """A step half-way between two checkpoints in the middle of the run."""
    return toy.STEPS // 2 // toy.EVERY * toy.EVERY + toy.EVERY // 2


def poison() -> None:
    """Prepare an attempt for it."""
    toy.faults.poison_at = middle()


def finite(tensors: Tensors) -> bool:
    """Whether every number is."""
    return all(bool(tensor.isfinite().all()) for tensor in tensors.values())
