"""The distance of pictures in the features of a frozen network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ganreg.engine.play import Play


class Perceptual(nn.Module):
    """The term; its network neither learns nor drops anything."""

    def __init__(self, network: nn.Module, layers: Sequence[int] | None, content: float, style: float) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.layers = layers
        self.content = content
        self.style = style

    def forward(self, play: Play) -> Tensor:
        """Generated against real pictures; a scalar."""
        terms = []
        for one, other in zip(self._features(play, play.fake), self._features(play, play.real), strict=True):
            terms.append(self.content * (one - other).square().mean())
            if self.style:
                terms.append(self.style * (_gram(one) - _gram(other)).square().sum(dim=(1, 2)).mean())
        return torch.stack(terms).sum()

    def _features(self, play: Play, images: Tensor) -> list[Tensor]:
        dtype = next(self.network.parameters()).dtype
        features = self.network(images.to(dtype), play.labels).features
        return list(features) if self.layers is None else [features[layer] for layer in self.layers]


def _gram(features: Tensor) -> Tensor:
    """(N, C, …) to (N, C, C): products of channels over places, divided by the number of elements."""
    flat = features.flatten(2) if features.dim() > 2 else features[:, :, None]
    return flat @ flat.transpose(1, 2) / flat[0].numel()


def fill(network: nn.Module, file: Path, prefix: str) -> None:
    """Weights from a safetensors file into a network. Raises ValueError where they are not all there, or others are."""
    device = next(network.parameters()).device  # "meta" in the dry run, which so sees names and shapes too
    try:
        found = {name: tensor.to(device) for name, tensor in load_file(file).items() if name.startswith(prefix)}
        network.load_state_dict({name.removeprefix(prefix): tensor for name, tensor in found.items()})
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(f"{file} has not the weights of {type(network).__name__}: {error}") from error
