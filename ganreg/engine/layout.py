"""Whether a run's kernels lie in memory with their channels last, as convolutions on a CPU like them best."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from ganreg.engine.match import Match
from ganreg.engine.streams import untouched

LARGE = 8192
"""Numbers in a kernel from which on its order is worth a trial."""


def suits_channels_last(match: Match, again: Callable[[], Match]) -> bool:
    """What the spec says, or else whether a match of convolutions on the CPU plays its first step so.

    again: makes the same match once more, for the trial. A stranger's `view` may fail on tensors of that order. What
    takes how long decides nothing: a run would not be repeated bit for bit (`make bench` measures what it gains).
    """
    wanted = match.spec.train.channels_last
    if wanted is not None:
        return wanted
    grows = bool(match.spec.schedule.milestones())
    if match.device.type != "cpu" or grows or not any(map(_convolves, match.networks.values())):
        return False
    with untouched():
        try:
            trial = again()
            trial.lay_out(True)
            trial.step()
        except Exception:  # if the order is not to blame, the run itself will fail, and tell
            return False
    return True


def _convolves(network: nn.Module) -> bool:
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    return any(isinstance(layer, kinds) and layer.weight.numel() >= LARGE for layer in network.modules())
