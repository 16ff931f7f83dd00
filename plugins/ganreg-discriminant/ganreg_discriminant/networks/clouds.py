"""A picture of two clouds of points."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

HEIGHT, WIDTH = 320, 480
"""Of the picture, in pixels."""

REAL, GENERATED = (0.18, 0.36, 0.92), (0.88, 0.40, 0.17)
"""Colours, red to blue in [0, 1]."""

DENSE = 0.6
"""What a single point covers of the white."""


def clouds(real: Tensor, fake: Tensor) -> Tensor:
    """(3, HEIGHT, WIDTH) in [-1, 1]: points (N, 2) of both sides, on white, with a line where the first one is 0.

    Real points are blue, generated ones orange. The picture spans all but the outermost hundredth of the points.
    """
    points = torch.cat([real, fake]).float().cpu()
    low, high = (points.quantile(share, dim=0) for share in (0.005, 0.995))
    low[0], high[0] = low[0].clamp_max(0), high[0].clamp_min(0)
    margin = 0.05 * (high - low) + 1e-6
    low, high = low - margin, high + margin
    size = torch.tensor([WIDTH, HEIGHT])
    canvas = torch.ones(3, HEIGHT, WIDTH)
    canvas[:, :, ((0 - low[0]) / (high - low)[0] * WIDTH).long()] = 0.75
    for side, colour in ((real, REAL), (fake, GENERATED)):
        x, y = ((side.float().cpu() - low) / (high - low) * size).long().unbind(1)
        inside = (x >= 0) & (x < WIDTH) & (y >= 0) & (y < HEIGHT)
        count = torch.zeros(HEIGHT, WIDTH).index_put_((y[inside], x[inside]), torch.ones(()), accumulate=True)
        covered = 1 - (1 - DENSE) ** max_pool2d(count[None], 5, 1, 2)
        canvas -= covered * (1 - torch.tensor(colour)[:, None, None]) * canvas
    return 2 * canvas - 1
