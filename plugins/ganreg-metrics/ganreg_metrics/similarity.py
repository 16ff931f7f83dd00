"""Structural similarity at several scales."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the scales, from fine to coarse (Wang et al., 2003, section 3.2)."""
WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2
"""For intensities in [0, 1]."""


def scales(height: int, width: int) -> int:
    """How many of the five scales are no smaller than the window; 0 for pictures that are smaller themselves."""
    return sum(min(height, width) >> scale >= WINDOW for scale in range(len(WEIGHTS)))


def ms_ssim(one: Tensor, other: Tensor) -> Tensor:
    """MS-SSIM (N,) of pictures (N, C, H, W) in [-1, 1] with others (Wang, Simoncelli and Bovik, 2003).

    Π_j cs_j^{w_j} · l_M^{w_M}, with cs the contrast and structure of each scale and l the luminance of the coarsest,
    in Gaussian windows of 11x11. Where pictures are too small for five scales it is those that fit, their weights
    scaled to a sum of 1. Negative structure counts as 0. l compares intensities, which are not negative: pictures are
    taken to [0, 1]. Raises ValueError for pictures smaller than the window.
    """
    count = scales(*one.shape[2:])
    if not count:
        raise ValueError(f"pictures are smaller than the window of {WINDOW}x{WINDOW}")
    weights = torch.tensor(WEIGHTS[:count], dtype=torch.float64, device=one.device)
    weights /= weights.sum()
    one, other = ((side.double() + 1) / 2 for side in (one, other))
    product = one.new_ones(len(one))
    for scale, weight in enumerate(weights):
        luminance, structure = _compare(one, other)
        term = structure * luminance if scale == count - 1 else structure
        product = product * term.mean(dim=(1, 2, 3)).clamp(min=0) ** weight
        one, other = avg_pool2d(one, 2), avg_pool2d(other, 2)
    return product


def _compare(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """l = (2 μx μy + C1) / (μx² + μy² + C1) and cs = (2 σxy + C2) / (σx² + σy² + C2) in each window."""
    x, y = _blur(one), _blur(other)
    variance_x, variance_y = _blur(one * one) - x * x, _blur(other * other) - y * y
    covariance = _blur(one * other) - x * y
    luminance = (2 * x * y + C1) / (x * x + y * y + C1)
    return luminance, (2 * covariance + C2) / (variance_x + variance_y + C2)


def _blur(images: Tensor) -> Tensor:
    steps = torch.arange(WINDOW, dtype=images.dtype, device=images.device) - WINDOW // 2
    gaussian = (-steps.square() / (2 * SIGMA**2)).exp()
    gaussian /= gaussian.sum()
    channels = images.shape[1]
    kernel = gaussian.expand(channels, 1, WINDOW)
    across = conv2d(images, kernel[:, :, None, :], groups=channels)
    return conv2d(across, kernel[:, :, :, None], groups=channels)
