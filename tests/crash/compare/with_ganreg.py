"""The toy with ganreg: its command line, `run` first and `resume` after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from ganreg.cli import main as command_line
from ganreg.engine import loop  # noqa: F401 - before the fork, so that no attempt pays for it
from ganreg.engine.checkpoints import Checkpoints, read
from tests.crash.compare import toy

PARTS = Path(__file__).with_name("parts.py")


def spec(folder: Path) -> dict[str, Any]:
    """The toy as a spec."""
    optimizer = {"name": "adam", **toy.ADAM}
    return {
        "seed": toy.SEED,
        "data": "toy-points",
        "generator": "toy-generator",
        "discriminator": "toy-discriminator",
        "loss": "toy-loss",
        "latent": toy.LATENT,
        "optimizers": {"generator": optimizer, "discriminator": optimizer},
        "ema": None,
        "train": {"steps": toy.STEPS, "batch_size": toy.BATCH, "device": "cpu"},
        "output": {"folder": str(folder / "run"), "checkpoint_every": toy.EVERY, "keep": toy.KEEP},
    }


def train(folder: Path) -> int:
    """Train, from the last checkpoint where the folder holds a run."""
    run = folder / "run"
    if (run / "spec.yaml").exists():
        return command_line(["--plugin", str(PARTS), "resume", str(run)])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "toy.yaml"
    path.write_text(json.dumps(spec(folder)), encoding="utf-8")
    return command_line(["--plugin", str(PARTS), "run", str(path), "--overwrite"])


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints under their final names, the newest last."""
    return Checkpoints(folder / "run" / "checkpoints", toy.KEEP).folders()


def load(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint, as ganreg loads it."""
    return toy.flatten(read(path))
