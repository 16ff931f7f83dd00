"""The soft-margin support vector machine of a batch."""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def hyperplane(points: Tensor, sides: Tensor, cost: float, iterations: int) -> tuple[Tensor, Tensor]:
    """The normal w (D,) and offset b of min ½(‖w‖² + b²) + C·E[max(0, 1 - s(w·x + b))], sides s (N,) being ±1.

    Solved in the dual, 0 ≤ α ≤ C/N, by projected gradients with momentum (Beck & Teboulle, 2009), from zero and with a
    fixed number of iterations, so that it is a function of the batch alone.
    """
    count = len(points)
    gram = (points @ points.T + 1) * sides[:, None] * sides
    step = 1 / torch.linalg.eigvalsh(gram)[-1]
    shares = ahead = torch.zeros_like(sides)
    momentum = 1.0
    for _ in range(iterations):
        moved = (ahead - step * (gram @ ahead - 1)).clamp(0, cost / count)
        following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = moved + (momentum - 1) / following * (moved - shares)
        shares, momentum = moved, following
    weights = shares * sides
    return weights @ points, weights.sum()
