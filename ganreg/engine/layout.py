"""Whether a run's kernels lie in memory with their channels last, as convolutions on a CPU like them best."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from ganreg.engine.match import Match
from ganreg.engine.streams import untouched
from ganreg.spec.runspec import RunSpec

LARGE = 8192
"""Numbers in a kernel from which on its order is worth a trial."""


FEW = 4
"""Pictures in each part of the trial's batch, at most."""


def suits_channels_last(match: Match, again: Callable[[RunSpec], Match]) -> bool:
    """What the spec says, or else whether a match of convolutions on the CPU plays its first step so.

    again: makes a match of a spec as this one is, for the trial, whose batch is small. A stranger's `view` may fail on
    tensors of that order. What takes how long decides nothing: a run would not be repeated bit for bit (`make bench`
    measures what it gains).
    """
    wanted = match.spec.train.channels_last
    if wanted is not None:
        return wanted
    grows = bool(match.spec.schedule.milestones())
    if match.device.type != "cpu" or grows or not any(map(_convolves, match.networks.values())):
        return False
    with untouched():
        try:
            trial = again(_small(match.spec, match.world.size))
            trial.lay_out(True)
            trial.step()
        except Exception:  # if the order is not to blame, the run itself will fail, and tell
            return False
    return True


def _small(spec: RunSpec, processes: int) -> RunSpec:
    """The same with few pictures in a batch, and nothing to measure."""
    parts = spec.train.accumulate * processes
    train = spec.train.model_copy(update={"batch_size": min(spec.train.batch_size, FEW * parts)})
    return spec.model_copy(update={"train": train, "metrics": ()})


def _convolves(network: nn.Module) -> bool:
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    return any(isinstance(layer, kinds) and layer.weight.numel() >= LARGE for layer in network.modules())
