"""Whether a run's kernels lie in memory with their channels last, as convolutions on CPUs and GPUs like them best."""

from __future__ import annotations

from torch import nn

from ganreg.engine.match import Match
from ganreg.engine.trial import Again, failure
from ganreg.spec.runspec import RunSpec

LARGE = 8192
"""Numbers in a kernel from which on its order is worth a trial."""


FEW = 4
"""Pictures in each part of the trial's batch, at most."""


def suits_channels_last(match: Match, again: Again) -> bool:
    """What the spec says, or else whether a match of convolutions plays its first step so.

    The trial's batch is small. A stranger's `view` may fail on tensors of that order. What takes how long decides
    nothing: a run would not be repeated bit for bit (`make bench` measures what it gains).
    """
    wanted = match.spec.train.channels_last
    if wanted is not None:
        return wanted
    grows = bool(match.spec.schedule.milestones())
    if match.device.type not in ("cpu", "cuda") or grows or not any(map(_convolves, match.networks.values())):
        return False
    return failure(again, _small(match.spec, match.world.size), lambda trial: trial.lay_out(True)) is None


def _small(spec: RunSpec, processes: int) -> RunSpec:
    """The same with few pictures in a batch."""
    parts = spec.train.accumulate * processes
    train = spec.train.model_copy(update={"batch_size": min(spec.train.batch_size, FEW * parts)})
    return spec.model_copy(update={"train": train})


def _convolves(network: nn.Module) -> bool:
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    return any(isinstance(layer, kinds) and layer.weight.numel() >= LARGE for layer in network.modules())
