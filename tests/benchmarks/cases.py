"""What is measured: specs, with the few words that the bare loop needs to do the same."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

PARTS = Path(__file__).parent / "parts.py"
"""A plugin of what the cases name and no other plugin has."""

ADAM = {"name": "classic/adam", "lr": 2e-4, "betas": [0.5, 0.999]}
COMMON: Mapping[str, Any] = {
    "loss": "classic/non-saturating",
    "latent": 128,
    "optimizers": {"generator": ADAM, "discriminator": ADAM},
    "train": {"batch_size": 64, "device": "cpu"},
}
CASES: Mapping[str, Mapping[str, Any]] = {
    "mlp": {
        "data": {"name": "noise", "side": 28, "channels": 1},
        "generator": "classic/mlp",
        "discriminator": "classic/mlp",
    },
    "dcgan-28": {
        "data": {"name": "noise", "side": 28, "channels": 1},
        "generator": {"name": "classic/dcgan", "width": 32},
        "discriminator": {"name": "classic/dcgan", "width": 32},
    },
    "dcgan-64": {
        "data": {"name": "noise", "side": 64},
        "generator": {"name": "classic/dcgan", "width": 16},
        "discriminator": {"name": "classic/dcgan", "width": 16},
        "train": {"batch_size": 32, "device": "cpu"},
    },
    "resnet-32": {
        "data": {"name": "noise", "side": 32},
        "generator": {"name": "resnet", "width": 32},
        "discriminator": {"name": "resnet", "width": 32},
        "train": {"batch_size": 32, "device": "cpu"},
    },
    "r1-every-16": {
        "data": {"name": "noise", "side": 28, "channels": 1},
        "generator": {"name": "classic/dcgan", "width": 32},
        "discriminator": {"name": "classic/dcgan", "width": 32},
        "penalties": [{"name": "classic/r1", "weight": 5, "every": 16}],
    },
    "wgan-gp": {
        "data": {"name": "noise", "side": 28, "channels": 1},
        "generator": {"name": "classic/dcgan", "width": 16},
        "discriminator": {"name": "classic/dcgan", "width": 16},
        "loss": "classic/wasserstein",
        "penalties": [{"name": "classic/gradient-penalty", "weight": 10}],
        "schedule": {"name": "classic/alternating", "discriminator_steps": 5},
    },
    "conditional": {
        "data": {"name": "noise", "side": 28, "channels": 1},
        "generator": {"name": "classic/dcgan", "width": 32},
        "discriminator": {"name": "classic/dcgan", "width": 32},
        "conditional": True,
    },
}
WIDE: Mapping[str, Mapping[str, Any]] = {
    "dcgan-64-wide": {
        "data": {"name": "noise", "side": 64},
        "generator": {"name": "classic/dcgan", "width": 128, "max_width": 1024},
        "discriminator": {"name": "classic/dcgan", "width": 128, "max_width": 1024},
        "train": {"batch_size": 256, "device": "cuda"},
    },
    "resnet-32-wide": {
        "data": {"name": "noise", "side": 32},
        "generator": {"name": "resnet", "width": 256},
        "discriminator": {"name": "resnet", "width": 256},
        "train": {"batch_size": 256, "device": "cuda"},
    },
}
"""What keeps an accelerator busy, and is nothing for a CPU."""


def told_the_same(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The spec with which ganreg does what the bare loop does: kernels with channels first, and pictures made twice."""
    critics = spec.get("schedule", {}).get("discriminator_steps", 1)
    schedule = {"name": "twice", "discriminator_steps": critics}
    return {**spec, "schedule": schedule, "train": {**spec["train"], "channels_last": False}}


def spec_of(name: str, folder: str, **train: Any) -> dict[str, Any]:
    """The spec of a case, which writes as little as a run can."""
    spec = {**COMMON, **{**CASES, **WIDE}[name]}
    spec["train"] = {**spec["train"], "steps": 1_000_000, **train}
    spec["output"] = {"folder": folder, "samples_every": 10**7, "samples": 4, "checkpoint_every": 10**7}
    return spec
