"""Batch normalization over processes; what takes two of them is in test_world."""

from typing import cast

import pytest
import torch
from torch import nn

from ganreg.engine.batch_norm import synchronize
from ganreg.engine.world import World


@pytest.mark.parametrize("tracks", [True, False])
def test_evaluation_waits_for_nobody(tracks: bool) -> None:
    """The first process alone makes samples, also where there are no running statistics to make them by."""
    network = nn.Sequential(nn.BatchNorm2d(3, track_running_stats=tracks)).eval()
    pictures = torch.randn(4, 3, 2, 2)
    expected = network(pictures)
    synchronize(network, cast(World, None))
    assert torch.equal(network(pictures), expected)
