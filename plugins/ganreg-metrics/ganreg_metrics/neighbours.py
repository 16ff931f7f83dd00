"""Generated pictures among the real ones: how near they are, and what the nearest look like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganreg_metrics import enough
from ganreg_metrics.distances import nearest

if TYPE_CHECKING:
    from ganreg_metrics.measurement import Sample

LEAST = 64
"""The height of a picture in pixels from which it is shown as it is; smaller ones are enlarged to be looked at."""
GAP = 2
"""White pixels between a generated picture and its neighbours."""


def among_real(generated: Tensor, real: Tensor, count: int) -> tuple[dict[str, float], Tensor]:
    """`closer` and `distance` of `Neighbours`, and the indices (N, count) of each one's nearest real pictures.

    generated (N, D), real (M, D). Raises ValueError where there are too few real ones.
    """
    enough.for_neighbours(count, len(real))
    to_real, indices = nearest(generated, real, count)
    of_real = nearest(real, real, 2)[0][:, 1]  # the nearest of all is the picture itself
    nearer = (to_real[:, 0] < of_real.quantile(0.5)) | (to_real[:, 0] == 0)  # a copy, also where real ones have copies
    closer = nearer.double().mean().item()
    distance = to_real[:, 0].mean() / of_real.mean().clamp(min=1e-12)
    return {"neighbours/closer": closer, "neighbours/distance": distance.item()}, indices


def sheet(sample: Sample, indices: Tensor) -> Tensor:
    """A picture (C, H, W) with a row for each generated picture: itself, and the real ones of its indices (N, K)."""
    rows = len(indices)
    made: list[Tensor] = []
    for batch in sample.generated_pictures():
        made += batch.images[: rows - len(made)].cpu()
        if len(made) == rows:
            break
    wanted, start = set(indices.flatten().tolist()), 0
    found: dict[int, Tensor] = {}
    for batch in sample.real_pictures():
        found |= {i: batch.images[i - start].cpu() for i in wanted if start <= i < start + len(batch)}
        start += len(batch)
    white = torch.ones_like(made[0][:, :, :GAP])
    lines = [
        torch.cat([image, white, *(found[i] for i in nearby)], dim=2)
        for image, nearby in zip(made, indices.tolist(), strict=True)
    ]
    factor = max(1, LEAST // made[0].shape[1])
    return torch.cat(lines, dim=1).repeat_interleave(factor, dim=1).repeat_interleave(factor, dim=2)
