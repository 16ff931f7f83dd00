"""An exponential moving average of networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from ganreg.engine.blame import sentence
from ganreg.engine.stage import set_stage
from ganreg.errors import PluginError

Place = tuple[dict[str, Any], str]


class Ema:
    """Copies of networks whose weights follow slowly: w <- d w + (1 - d) w_now, buffers and whole numbers as they are.

    decay: d at a step, counted from 0.
    """

    def __init__(self, networks: Mapping[str, nn.Module], decay: Callable[[int], float]) -> None:
        self._sources = networks
        self._decay = decay
        self.networks = {name: _copy(name, network) for name, network in networks.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Follow the networks after step number `step`, counted from 0."""
        averages, weights, others, now = self._tensors
        torch._foreach_lerp_(averages, weights, 1 - self._decay(step))
        if others:
            kept, new = ([holder[name] for holder, name in places] for places in (others, now))
            for mine, its in zip(kept, new, strict=True):
                if mine.shape != its.shape:  # a copy would spread one row over many
                    raise self._resized(mine, its)
            torch._foreach_copy_(kept, new)

    def _resized(self, mine: Tensor, its: Tensor) -> PluginError:
        """The error for a tensor that has no longer the shape with which its network was built."""
        network, key = next(
            (name, key)
            for name, source in self._sources.items()
            for key, tensor in (*source.named_buffers(), *source.named_parameters())
            if tensor is its
        )
        shapes = f"{tuple(its.shape)}, where it was built with {tuple(mine.shape)}"
        told = f"the network '{network}' makes its buffer '{key}' {shapes}"
        return PluginError(f"{told}: write buffers in place, of one size")

    @cached_property
    def _tensors(self) -> tuple[list[Tensor], list[Tensor], list[Place], list[Place]]:
        """Averages and the weights that they follow, the others and what they copy; networks are slow to list.

        Of the others it is their places: a network may put another tensor there in its forward.
        """
        pairs = [(copy, self._sources[name]) for name, copy in self.networks.items()]
        for name, (copy, source) in zip(self.networks, pairs, strict=True):
            _refuse_made(name, copy, source)
        return (
            [weight for copy, _ in pairs for weight in copy.parameters() if _has_mean(weight)],
            [weight for _, source in pairs for weight in source.parameters() if _has_mean(weight)],
            [place for copy, _ in pairs for place in _places(copy)],
            [place for _, source in pairs for place in _places(source)],
        )

    @torch.no_grad()
    def stage(self, index: int, fade: float, device: torch.device) -> None:
        """Grow with the networks; what is new starts at the networks' values."""
        vars(self).pop("_tensors", None)
        for name, copy in self.networks.items():
            # The tensors are held until all is compared: an id is reused once its owner is gone.
            before = list(copy.state_dict(keep_vars=True).values())
            known = set(map(id, before))
            set_stage(copy, index, fade)
            copy.to(device).requires_grad_(False)
            source = self._sources[name].state_dict()
            for key, tensor in copy.state_dict(keep_vars=True).items():
                if id(tensor) not in known:
                    tensor.copy_(source[key])


def _copy(name: str, network: nn.Module) -> nn.Module:
    """A network of its own, without gradients. Raises PluginError where it cannot be copied."""
    try:
        return copied(network)
    except Exception as error:
        told = f"the network '{name}' cannot be copied for the moving average (ema: null does without)"
        raise PluginError(f"{told}: {sentence(error)}") from error


def copied(network: nn.Module) -> nn.Module:
    """A network of its own, without gradients."""
    # Weights that are computed from others, as by torch's older weight_norm, are no leaves, which deepcopy refuses.
    attributes = [value for module in network.modules() for value in vars(module).values()]
    computed = [value for value in attributes if isinstance(value, Tensor) and not value.is_leaf]
    copy = deepcopy(network, {id(value): value.detach().clone() for value in computed})
    for parameter in copy.parameters():
        parameter.requires_grad_(False)
    return copy


def _refuse_made(name: str, copy: nn.Module, network: nn.Module) -> None:
    """Raise PluginError where a network has a buffer that it did not have when it was copied.

    It has none either when it is built to be resumed: no checkpoint of such a run could be read back.
    """
    built = {key for key, _ in copy.named_buffers(remove_duplicate=False)}
    made = next((key for key, _ in network.named_buffers() if key not in built), None)
    if made is not None:
        message = f"the network '{name}' makes its buffer '{made}' in its forward: register it as it is built"
        raise PluginError(message)


def _has_mean(parameter: Tensor | None) -> bool:
    return parameter is not None and (parameter.is_floating_point() or parameter.is_complex())


def _places(network: nn.Module) -> list[Place]:
    """Where each tensor is that has no average: the dict of its module, and its name there."""
    every: list[Place] = [(module._buffers, name) for module in network.modules() for name in module._buffers]
    every += [(m._parameters, name) for m in network.modules() for name, p in m._parameters.items() if not _has_mean(p)]
    return [(holder, name) for holder, name in every if holder[name] is not None]
