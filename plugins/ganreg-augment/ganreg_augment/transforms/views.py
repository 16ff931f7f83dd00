"""The views of SimCLR (Chen et al., 2020; arXiv:2002.05709, appendix A); each picture draws for itself."""

from __future__ import annotations

from math import log, pi
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganreg_augment.transforms.colors import grey, hue, recoloured
from ganreg_augment.transforms.filtering import full_precision
from ganreg_augment.transforms.sampling import bilinear, indices

if TYPE_CHECKING:
    from ganreg.engine.streams import Stream


def resized_crop(images: Tensor, random: Stream, smallest: float, aspect: float) -> Tensor:
    """A window of U[smallest, 1) of the area, its sides' ratio log-uniform to `aspect` each way, at the old size."""
    height, width = images.shape[2:]
    area = smallest + (1 - smallest) * random.uniform(len(images))
    ratio = ((2 * random.uniform(len(images)) - 1) * log(aspect)).exp()
    rows, columns = indices(images)
    y, x = (
        _window((area * r).sqrt().clamp(max=1), random.uniform(len(images)), steps, size)
        for r, steps, size in ((1 / ratio, rows, height), (ratio, columns, width))
    )
    return bilinear(images, x[:, None, :].expand(-1, height, -1), y[:, :, None].expand(-1, -1, width))


def _window(share: Tensor, place: Tensor, steps: Tensor, size: int) -> Tensor:
    """Where a window's pixels lie along one axis, (N, size): its length is a share of the picture's."""
    share, place = share[:, None], place[:, None]
    return (place * (1 - share) * size + (steps + 0.5) * share - 0.5).clamp(0, size - 1)


def color_jitter(images: Tensor, random: Stream, strengths: tuple[float, float, float, float]) -> Tensor:
    """Brightness, contrast and saturation by factors U[1 - s, 1 + s), hue by U[-s, s) of the circle, in that order.

    On pictures in [0, 1]; hue turns about grey, and needs three channels.
    """
    count = len(images)
    brightness, contrast, saturation, turn = (
        s * (2 * random.uniform(count, 1, 1, 1).to(images.dtype) - 1) for s in strengths
    )
    light = (images + 1) / 2 * (1 + brightness)
    level = light.mean(dim=(1, 2, 3), keepdim=True)
    light = level + (1 + contrast) * (light - level)
    light = grey(light) + (1 + saturation) * (light - grey(light))
    if images.shape[1] == 3:
        with full_precision(images):
            light = recoloured(light, hue(2 * pi * turn.float().flatten(1)[:, :, None]))
    jittered: Tensor = 2 * light - 1
    return jittered


def grayscale(images: Tensor, random: Stream, p: float) -> Tensor:
    """Grey in all channels, with probability p."""
    return torch.where(random.uniform(len(images), 1, 1, 1) < p, grey(images).expand_as(images), images)
