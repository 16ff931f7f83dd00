"""Kill a training process at a random moment, resume it once, and compare its end with that of a run never killed."""

from __future__ import annotations

import random
import shutil
import time
from functools import partial
from pathlib import Path
from typing import Any

from tests.crash.compare import toy
from tests.crash.compare.processes import Attempt
from tests.crash.compare.trainers import Tensors, Trainer, same


def measure(trainer: Trainer, kills: int, luck: random.Random, place: Path) -> dict[str, Any]:
    """What became of so many runs, each killed once."""
    spans = [whole(trainer, place / name) for name in ("whole", "again")]
    expected = trainer.final(place / "whole")
    found: dict[str, Any] = {
        "two whole runs are equal": same(expected, trainer.final(place / "again")),
        "seconds of training": round(sum(spans) / len(spans), 2),
        "killed": 0,
        "ended equal": 0,
        "of these begun anew": 0,
        "ended different": 0,
        "did not resume": 0,
        "newest checkpoint broken by the kill": 0,
    }
    while found["killed"] < kills:
        folder = place / "killed"
        shutil.rmtree(folder, ignore_errors=True)
        if killed(trainer, folder, luck.uniform(0, min(spans))):
            found["killed"] += 1
            for key in aftermath(trainer, folder, expected):
                found[key] += 1
    return found


def whole(trainer: Trainer, folder: Path) -> float:
    """Train undisturbed; the seconds from the first step to the last."""
    attempt = Attempt(partial(trainer.train, folder))
    times = attempt.watch()
    code = attempt.wait()
    if code != 0:
        raise RuntimeError(f"{trainer.name}: a run that nothing happened to exited with {code}")
    return times[-1] - times[0]


def killed(trainer: Trainer, folder: Path, delay: float) -> bool:
    """Train and kill so many seconds after the first step; False where the last step had come before."""
    attempt = Attempt(partial(trainer.train, folder))
    attempt.step()
    time.sleep(delay)
    attempt.kill()
    return attempt.wait() is None and attempt.steps < toy.STEPS


def aftermath(trainer: Trainer, folder: Path, expected: Tensors) -> list[str]:
    """Resume once, and say what was found."""
    left = trainer.checkpoints(folder)
    broken = ["newest checkpoint broken by the kill"] if left and not trainer.loads(left[-1]) else []
    if Attempt(partial(trainer.train, folder)).wait() != 0:
        return ["did not resume", *broken]
    if not same(expected, trainer.final(folder)):
        return ["ended different", *broken]
    return ["ended equal", *broken] + ([] if left else ["of these begun anew"])
