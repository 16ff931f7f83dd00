"""The layers of a network that have a matrix of weights; torch lives here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized

if TYPE_CHECKING:
    from ganreg.engine.play import Play

Network = TypeVar("Network", bound=nn.Module)


def spectrally_normalized(network: Network, iterations: int) -> Network:
    """The network, each of its layers with W/σ(W) in the place of W. What is normalized already stays as it is."""
    if hasattr(network, "set_stage"):
        raise ValueError("a network that grows gets new layers, which would go without")
    layers = [module for module in network.modules() if _has_matrix(module)]
    if not layers:
        raise ValueError("it has no layer with a weight of two dimensions or more")
    for layer in layers:
        if not is_parametrized(layer, "weight"):
            spectral_norm(layer, n_power_iterations=iterations)
    return network


def filters(play: Play) -> Iterator[Tensor]:
    """The weights of the player's layers as matrices (filters, inputs); embeddings, which have none, are left out."""
    own = set(map(id, play.parameters()))
    layers = (layer for network in play.networks.values() for layer in network.modules())
    for layer in layers:
        if not _has_matrix(layer) or isinstance(layer, nn.Embedding):
            continue
        weight = _trained(layer)
        if id(weight) in own:
            transposed = isinstance(layer, nn.modules.conv._ConvTransposeNd)
            yield (weight.transpose(0, 1) if transposed else weight).flatten(1)


def _trained(layer: Any) -> Tensor:
    """A layer's weight, or what is trained where a parametrization stands before it, which asking would move."""
    weight: Tensor = layer.parametrizations.weight.original if is_parametrized(layer, "weight") else layer.weight
    return weight


def overlap(matrix: Tensor, *, norms: bool) -> Tensor:
    """‖WWᵀ ⊙ (1 - I)‖², or with the filters' norms ‖WWᵀ - I‖²; W (filters, inputs), the result a scalar."""
    products = matrix @ matrix.T
    unit = torch.eye(len(products), dtype=products.dtype, device=products.device)
    return (products - unit if norms else products * (1 - unit)).square().sum()


def _has_matrix(module: nn.Module) -> bool:
    if is_parametrized(module, "weight"):
        return True
    weight = module._parameters.get("weight")
    return weight is not None and weight.dim() >= 2
