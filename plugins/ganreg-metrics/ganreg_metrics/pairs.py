"""Pairs of pictures of one side, and how alike they are."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ganreg import Batch
from ganreg_metrics.similarity import ms_ssim

PIXELS = 2**22
"""Pixels that are compared at once."""


def mean_similarity(batches: Iterable[Batch], seed: int = 0) -> float:
    """The mean MS-SSIM of random pairs, in which no picture comes twice; with labels, of pairs of one class.

    Raises ValueError where there is no pair.
    """
    whole = [batch.to("cpu") for batch in batches]  # as they come: a device may have no room for all
    images = torch.cat([batch.images for batch in whole])
    labels = None if whole[0].labels is None else torch.cat([batch.labels for batch in whole])
    one, other = pairs(len(images), labels, seed)
    if not len(one):
        raise ValueError("no two of the pictures are of one class: let it take more of them")
    size = max(1, PIXELS // images[0].numel())
    parts = zip(one.split(size), other.split(size), strict=True)
    return torch.cat([ms_ssim(images[a], images[b]) for a, b in parts]).mean().item()


def pairs(count: int, labels: Tensor | None, seed: int) -> tuple[Tensor, Tensor]:
    """The indices of random pairs, each side (N,)."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    if labels is not None:
        order = order[labels[order].argsort(stable=True)]
    one, other = order[: count // 2 * 2].view(-1, 2).T
    if labels is not None:
        alike = labels[one] == labels[other]
        one, other = one[alike], other[alike]
    return one, other
