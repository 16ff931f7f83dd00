"""Pictures read at other places: whole pixels, and between them.

Penalties on gradients differentiate twice, which torch's own `grid_sample` has refused in many releases. Reading is
linear in the picture: a gather, whose derivative is a scatter, whose derivative is a gather again.
"""

from __future__ import annotations

import torch
from torch import Tensor


def mirrored(index: Tensor, size: int) -> Tensor:
    """Whole numbers of any size to 0 … size - 1, as if the picture stood between two mirrors: … b a | a b c | c b …"""
    index = index.remainder(2 * size)
    return torch.minimum(index, 2 * size - 1 - index)


def folded(place: Tensor, low: float, high: float) -> Tensor:
    """The same for real numbers, to [low, high]."""
    period = 2 * (high - low)
    place = (place - low).remainder(period)
    return low + torch.minimum(place, period - place)


def pick(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Pixel (i, j) of picture n is its (rows[n, i], columns[n, j]); rows (N, H'), columns (N, W') of int64."""
    channels, width = images.shape[1], images.shape[3]
    images = images.gather(2, rows[:, None, :, None].expand(-1, channels, -1, width))
    return images.gather(3, columns[:, None, None].expand(-1, channels, rows.shape[1], -1))


def indices(images: Tensor) -> tuple[Tensor, Tensor]:
    """Every row (1, H) and every column (1, W) of pictures, in order."""
    height, width = images.shape[2:]
    return torch.arange(height, device=images.device)[None], torch.arange(width, device=images.device)[None]


def shift(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Pictures moved by whole pixels (N,), mirrored at the edges."""
    rows, columns = indices(images)
    height, width = images.shape[2:]
    return pick(images, mirrored(rows - down[:, None], height), mirrored(columns - right[:, None], width))


def bilinear(images: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Pictures (N, C, H, W) at places x and y (N, H', W') in pixels, which must lie inside; to (N, C, H', W')."""
    left, top = x.floor(), y.floor()
    value = torch.zeros((), dtype=images.dtype, device=images.device)
    for row in (top, top + 1):
        for column in (left, left + 1):
            weight = (1 - (y - row).abs()) * (1 - (x - column).abs())
            value = value + weight[:, None].to(images.dtype) * _at(images, row.long(), column.long())
    return value


def _at(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    height, width = images.shape[2:]
    index = (rows.clamp(0, height - 1) * width + columns.clamp(0, width - 1)).flatten(1)
    read = images.flatten(2).gather(2, index[:, None].expand(-1, images.shape[1], -1))
    return read.reshape(*images.shape[:2], *rows.shape[1:])
