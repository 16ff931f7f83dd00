"""Batch normalization over processes; what takes two of them is in test_world."""

from copy import deepcopy
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


@pytest.mark.parametrize("momentum", [0.3, None])
def test_running_statistics_are_those_of_torch(momentum: float | None) -> None:
    plain = nn.BatchNorm1d(3, momentum=momentum)
    ours = deepcopy(plain)
    world = World()
    world.divided = True  # among the rows of one process, which are all
    synchronize(ours, world)
    for seed in range(3):
        rows = torch.randn(5, 3, generator=torch.Generator().manual_seed(seed)) + seed
        torch.testing.assert_close(ours(rows), plain(rows))
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value)
