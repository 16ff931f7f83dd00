"""Batch normalization over processes; what takes two of them is in test_world."""

from copy import deepcopy
from typing import cast

import pytest
import torch
from torch import nn

from ganreg.engine.batch_norm import normalizes, synchronize
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


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.BatchNorm1d(3, affine=False), (5, 3)),
        (nn.BatchNorm1d(3), (5, 3, 4)),
        (nn.BatchNorm2d(3, eps=0.1), (5, 3, 4, 2)),
        (nn.BatchNorm3d(3, track_running_stats=False), (5, 3, 2, 2, 2)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_pictures_of_every_shape_and_type_come_out_as_torchs_do(
    layer: nn.Module, shape: tuple[int, ...], kind: torch.dtype
) -> None:
    layer = deepcopy(layer).to(torch.float32 if kind == torch.bfloat16 else kind)
    ours, world = deepcopy(layer), World()
    world.divided = True
    synchronize(ours, world)
    rows = (3 + torch.randn(shape, generator=torch.Generator().manual_seed(0))).to(kind).requires_grad_()
    found = ours(rows)
    assert found.dtype == kind
    torch.testing.assert_close(found, layer(rows))
    assert not any(buffer.requires_grad for buffer in ours.buffers()), "running statistics hold no graph"


def test_a_subclass_of_a_strangers_stays_what_it_is() -> None:
    class Mine(nn.BatchNorm2d):
        pass

    network = nn.Sequential(Mine(3))
    synchronize(network, World())
    assert not normalizes(network)
    assert type(network[0]) is Mine
