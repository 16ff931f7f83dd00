"""Networks of other packages, which are extras: torch-fidelity's Inception, and timm's."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ganreg import Features
from ganreg.errors import DataError, PluginError, brief

SEED = 0
"""Of random weights."""


def inception(weights: bytes) -> nn.Module:
    """torch-fidelity's Inception-v3 with the content of its own weights' file, whose hash the caller has compared."""
    fidelity = _package("torch_fidelity", "inception")
    # It reads the file by pickle: from memory, so that it is what was compared.
    network = fidelity.FeatureExtractorInceptionV3(
        "inception-v3", ["2048", "logits_unbiased"], feature_extractor_weights_path=BytesIO(weights)
    )
    return Adapted(network, lambda images: images.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8))


def network_of_timm(model: str, weights: Path | None) -> nn.Module:
    """A network of timm without its last layer, with weights from a safetensors file or random ones.

    Raises DataError for a name that timm has not, and for weights that do not fit.
    """
    timm = _package("timm", "timm")
    if model not in timm.list_models():
        from difflib import get_close_matches

        near = get_close_matches(model, timm.list_models(), n=1)
        raise DataError(f"timm has no model '{model}'" + (f": did you mean '{near[0]}'?" if near else ""))
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        network = timm.create_model(model, pretrained=False, num_classes=0)
    if weights:
        _load(network, weights)
    expected = network.pretrained_cfg
    side = expected["input_size"][1:]
    mean, deviation = (torch.tensor(expected[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    mode = "bicubic" if expected["interpolation"] == "bicubic" else "bilinear"

    def prepared(images: Tensor) -> Tensor:
        fitting = interpolate(images, size=side, mode=mode, antialias=True).clamp(-1, 1)
        return (fitting.add(1).div(2) - mean.to(images)) / deviation.to(images)

    return Adapted(network, prepared)


class Adapted(nn.Module):
    """A network that takes pictures in a form of its own, frozen. Images are (N, 1 or 3, H, W) in [-1, 1]."""

    def __init__(self, network: nn.Module, prepare: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network = network.requires_grad_(False).eval()
        self.prepare = prepare

    def forward(self, images: Tensor) -> Features:
        """Values, and logits where the network gives both."""
        said = self.network(self.prepare(images.expand(-1, 3, -1, -1)))
        return Features(*said) if isinstance(said, tuple) else Features(said)


def _load(network: nn.Module, weights: Path) -> None:
    """Weights of a safetensors file, those of the last layer left out."""
    try:
        tensors = load_file(weights)
        missing, _ = network.load_state_dict(tensors, strict=False)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise DataError(f"{weights}: not the weights of this network: {brief(error)}") from error
    if missing:
        raise DataError(f"{weights}: not the weights of this network: it lacks {missing[0]}")


def _package(module: str, extra: str) -> Any:
    """A package that only this extractor needs. Raises PluginError with what to install."""
    try:
        return import_module(module)
    except (
        ImportError,
        OSError,
        RuntimeError,
    ) as error:  # torchvision below it fails in many ways beside another torch
        raise PluginError(
            f"the extractor '{extra}' needs {module.replace('_', '-')}, which cannot be imported: {brief(error)}\n"
            f"  help: pip install 'ganreg-metrics[{extra}]', with the torchvision that belongs to your torch"
        ) from error
