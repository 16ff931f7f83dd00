"""What all tests share: a run that is small enough to be trained in a moment."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ganreg
from ganreg.api import Run

Tiny = Callable[..., Run]

TINY: dict[str, Any] = {
    "data": "fashion-mnist-10k",
    "generator": {"name": "mlp", "widths": [16]},
    "discriminator": {"name": "mlp", "widths": [16]},
    "loss": "hinge",
    "latent": 8,
    "train": {"steps": 6, "batch_size": 4, "device": "cpu"},
    "output": {"samples_every": 2, "samples": 4, "checkpoint_every": 2, "log_every": 1},
}


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    """A run of a few small layers in a folder of its own; keywords replace keys of the spec, mappings by key."""

    def make(*, name: str = "run", **changes: Any) -> Run:
        spec = {**TINY, **changes}
        for key in ("train", "output"):
            spec[key] = {**TINY[key], **changes.get(key, {})}
        spec["output"].setdefault("folder", tmp_path / name)
        return ganreg.compose(**spec)

    return make
