"""In which order a run's kernels lie in memory: with their channels last, as convolutions like them best, or first."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ganreg.engine.feed import Feed
from ganreg.engine.match import Match
from ganreg.engine.order import convolves
from ganreg.engine.pictures import generate
from ganreg.engine.trial import Again, failure
from ganreg.spec.runspec import RunSpec

FEW = 4
"""Pictures in each part of the trial's batch, at most."""


def lay_out(match: Match, again: Again, feed: Feed) -> None:
    """Lay kernels out as the spec says, or else channels last in networks of convolutions that play a first step so.

    They also have to make samples so, which they do in evaluation mode. The trial's batch is small. A stranger's `view`
    may fail on tensors of that order. What takes how long decides nothing: a run would not be repeated bit for bit
    (`make bench` measures what it gains).
    """
    wanted = match.spec.train.channels_last
    grows = bool(match.spec.schedule.milestones())
    suits = match.device.type in ("cpu", "cuda") and not grows and any(map(convolves, match.networks.values()))
    mixed: dict[tuple[str, str], None] = {}

    def change(trial: Match) -> None:
        trial.lay_out(True)
        generate(trial, feed, FEW, "samples")
        for name, network in trial.networks.items():
            for path, module in network.named_modules():
                if not any(module.children()):
                    module.register_forward_hook(partial(_note, mixed, (name, path)))

    if wanted or (wanted is None and suits):
        tried = failure(again, _small(match.spec, match.world.size), change) is None
        match.lay_out(wanted or tried)
        if tried and match.device.type == "cpu" and not match.spec.train.compile:
            for name, path in mixed:
                match.networks[name].get_submodule(path).register_forward_hook(_mend)
    else:
        match.lay_out(False)


def _note(mixed: dict[tuple[str, str], None], place: tuple[str, str], module: nn.Module, _: Any, output: Any) -> None:
    """Note a module whose output has a gradient that lies in another order, as where features are flattened."""
    if isinstance(output, Tensor) and output.dim() == 4 and output.requires_grad:
        strides, order = output.stride(), _order(output)

        def look(gradient: Tensor | None) -> Tensor | None:
            if gradient is None or gradient.stride() == strides or 0 in gradient.stride():
                return gradient
            mixed[place] = None
            return gradient.contiguous(memory_format=order)  # those before it then have nothing to note

        output.register_hook(look)  # type: ignore[no-untyped-call]


def _mend(module: nn.Module, _: Any, output: Tensor) -> None:
    """Let the gradient lie as the output does: the derivative of an activation takes ten times as long on a mixture."""
    if output.requires_grad and not torch.compiler.is_compiling():  # nor what is exported
        output.register_hook(partial(_in_order, _order(output)))  # type: ignore[no-untyped-call]


def _in_order(order: torch.memory_format, gradient: Tensor | None) -> Tensor | None:
    return None if gradient is None else gradient.contiguous(memory_format=order)


def _order(tensor: Tensor) -> torch.memory_format:
    last = not tensor.is_contiguous() and tensor.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


def _small(spec: RunSpec, processes: int) -> RunSpec:
    """The same with few pictures in a batch."""
    parts = spec.train.accumulate * processes
    train = spec.train.model_copy(update={"batch_size": min(spec.train.batch_size, FEW * parts)})
    return spec.model_copy(update={"train": train})
