"""The sliced Wasserstein distance of patches, at every level of a Laplacian pyramid."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from ganreg_metrics import enough

PATCH = 7
SMALLEST = 14
"""The side of the coarsest level at the least: 16 for pictures whose side is a power of two, as in the paper."""
FLAT = 1e-3
"""The deviation that channels are divided by at the least. In [-1, 1] it is half of what 8 bits round away; below it
there is nothing to see, and in flat pictures nothing but the rounding of float32."""
SLICES = 16
"""Directions that are looked at together."""


def pyramid(images: Tensor) -> list[Tensor]:
    """Pictures (N, C, H, W) as levels: what each halving takes away, and what remains (Burt and Adelson, 1983)."""
    levels = []
    while (min(images.shape[2:]) + 1) // 2 >= SMALLEST:
        coarse = _blur(images)[:, :, ::2, ::2]
        levels.append(images - _enlarged(coarse, images))
        images = coarse
    return [*levels, images]


def _enlarged(coarse: Tensor, like: Tensor) -> Tensor:
    spread = torch.zeros_like(like)
    spread[:, :, ::2, ::2] = coarse
    return 4 * _blur(spread)


def _blur(images: Tensor) -> Tensor:
    binomial = images.new_tensor([1, 4, 6, 4, 1]) / 16
    channels = images.shape[1]
    kernel = torch.outer(binomial, binomial).expand(channels, 1, 5, 5)
    return conv2d(pad(images, (2, 2, 2, 2), mode="reflect"), kernel, groups=channels)


def patches(images: Tensor, count: int, random: torch.Generator) -> Tensor:
    """`count` patches of each picture (N, C, H, W) at random places: (N count, C, 7, 7)."""
    windows = images.unfold(2, PATCH, 1).unfold(3, PATCH, 1)  # (N, C, rows, columns, 7, 7)
    size = (len(images), count)
    rows, columns = (torch.randint(windows.shape[axis], size, generator=random) for axis in (2, 3))
    which = torch.arange(len(images))[:, None].expand(size)
    return windows[which, :, rows, columns].flatten(0, 1)


def descriptors(batches: Iterable[Tensor], count: int, seed: int) -> list[tuple[int, Tensor]]:
    """Of each level its side and the patches of all pictures, (M, 49 C).

    Each channel has mean 0 and deviation 1, or less where it is flat.
    """
    random = torch.Generator().manual_seed(seed)
    taken: dict[int, list[Tensor]] = {}
    for images in batches:
        for level in pyramid(images):
            taken.setdefault(min(level.shape[2:]), []).append(patches(level.cpu(), count, random))
    found = []
    for side, some in taken.items():
        whole = torch.cat(some)
        deviation, mean = torch.std_mean(whole, dim=(0, 2, 3), keepdim=True)
        found.append((side, ((whole - mean) / deviation.clamp(min=FLAT)).flatten(1)))
    return found


def sliced_wasserstein(one: Tensor, other: Tensor, directions: int, seed: int = 0) -> float:
    """E_θ W1(θᵀX, θᵀY), over random unit directions (Rabin et al., 2011), of two sets (M, D) of one size.

    In one dimension W1 is the mean distance of the sorted values.
    """
    random = torch.Generator().manual_seed(seed)
    axes = torch.randn(one.shape[1], directions, generator=random)
    axes = (axes / axes.norm(dim=0)).to(one)
    total = 0.0
    for some in axes.split(SLICES, dim=1):
        ours, theirs = ((side @ some).sort(dim=0).values for side in (one, other))
        total += (ours - theirs).abs().mean(dim=0).double().sum().item()
    return total / directions


def by_level(one: Iterable[Tensor], other: Iterable[Tensor], *, count: int, directions: int) -> dict[int, float]:
    """10³ times the distance of two sets of pictures, given in batches, by the side of each level in pixels.

    count: patches of each picture. Raises ValueError where one set has more pictures than the other.
    """
    ours, theirs = descriptors(one, count, seed=0), descriptors(other, count, seed=1)
    enough.for_levels(*(len(side[0][1]) // count for side in (ours, theirs)))
    levels = zip(ours, theirs, strict=True)
    return {side: 1000 * sliced_wasserstein(x, y, directions) for (side, x), (_, y) in levels}
