"""Squares cut out of pictures."""

from __future__ import annotations

import torch
from torch import Tensor

from ganreg_augment.transforms.sampling import indices


def outside(images: Tensor, top: Tensor, left: Tensor, height: int, width: int) -> Tensor:
    """(N, 1, H, W): False in a box of each picture, whose corner (N,) may lie beyond its edges."""
    rows, columns = indices(images)
    down, right = rows - top[:, None], columns - left[:, None]
    inside_rows, inside_columns = (down >= 0) & (down < height), (right >= 0) & (right < width)
    return ~(inside_rows[:, None, :, None] & inside_columns[:, None, None])


def erased(images: Tensor, keep: Tensor) -> Tensor:
    """Grey, which is 0, where `keep` (N, 1, H, W) is False."""
    return torch.where(keep, images, torch.zeros((), dtype=images.dtype, device=images.device))
