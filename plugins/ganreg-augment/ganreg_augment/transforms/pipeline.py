"""The transformations of ADA (Karras et al., 2020; arXiv:2006.06676, appendix B), each with probability p."""

from __future__ import annotations

from collections.abc import Callable, Collection
from math import pi
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganreg_augment.transforms.affine import rotation, scaling, transformed, translation
from ganreg_augment.transforms.boxes import erased
from ganreg_augment.transforms.colors import hue, recoloured
from ganreg_augment.transforms.filtering import constant, full_precision, octaves, separable
from ganreg_augment.transforms.sampling import indices, shift

if TYPE_CHECKING:
    from ganreg.engine.streams import Stream

Probability = float | Tensor

POWER = (10 / 13, 1 / 13, 1 / 13, 1 / 13)
"""What share of a picture's power lies in each octave, as the paper expects it."""


def augmented(images: Tensor, random: Stream, p: Probability, groups: Collection[str]) -> Tensor:
    """Pictures (N, C, H, W) after those groups, in the paper's order. p: a number, or a tensor of one."""
    with full_precision(images):
        for name, group in GROUPS.items():
            if name in groups:
                images = group(images, random, p)
    return images


def blit(images: Tensor, random: Stream, p: Probability) -> Tensor:
    """Mirrored, turned by quarters, and moved by up to an eighth of the size; pixels stay what they are.

    A picture that is not square turns by halves.
    """
    count, (height, width) = len(images), images.shape[2:]
    mirror = _sometimes(random, p, random.integers(2, count), 0)
    turn = random.integers(4, count) if height == width else 2 * random.integers(2, count)
    turn = _sometimes(random, p, turn, 0)
    moves = (random.uniform(count, 2) - 0.5) / 4
    down, right = (moves * _sometimes(random, p, torch.ones_like(mirror), 0)[:, None]).unbind(1)
    images = torch.where(_each(mirror) == 1, images.flip(3), images)
    upright = images
    for quarters in (1, 2, 3) if height == width else (2,):
        images = torch.where(_each(turn) == quarters, upright.rot90(quarters, (2, 3)), images)
    return shift(images, (down * height).round().long(), (right * width).round().long())


def geometric(images: Tensor, random: Stream, p: Probability) -> Tensor:
    """Scaled, rotated, stretched, rotated again, and moved by parts of a pixel: T·R·A·R·S.

    Each rotation comes with probability 1 - √(1 - p), so that one of the two comes with p.
    """
    count, (height, width) = len(images), images.shape[2:]
    either = 1 - (1 - p) ** 0.5
    size, stretch = (_sometimes(random, p, 0.2 * random.normal(count), 0.0) for _ in range(2))
    before, after = (_sometimes(random, either, 2 * pi * (random.uniform(count) - 0.5), 0.0) for _ in range(2))
    moves = 0.125 * random.normal(count, 2)
    right, down = (moves * _sometimes(random, p, torch.ones_like(size), 0.0)[:, None]).unbind(1)
    back = scaling((-size).exp2(), (-size).exp2()) @ rotation(-before) @ scaling((-stretch).exp2(), stretch.exp2())
    return transformed(images, back @ rotation(-after) @ translation(-right * width, -down * height))


def color(images: Tensor, random: Stream, p: Probability) -> Tensor:
    """Brightness, contrast, the sign of luma, hue and saturation: each picture's colours through an affine map.

    Luma is the direction (1, …, 1) of colours. Hue turns about it, and needs three channels.
    """
    count, channels = images.shape[:2]
    unit = torch.eye(channels, device=images.device)
    luma = torch.ones_like(unit) / channels

    def draw(value: Tensor, neutral: float) -> Tensor:
        return _sometimes(random, p, value, neutral)[:, None, None]

    brightness = draw(0.2 * random.normal(count), 0.0)
    contrast = draw((0.5 * random.normal(count)).exp2(), 1.0)
    flip = draw(random.integers(2, count), 0)
    colors = contrast * (unit - 2 * flip * luma)
    if channels == 3:
        colors = hue(draw(2 * pi * (random.uniform(count) - 0.5), 0.0)) @ colors
    saturation = draw(random.normal(count).exp2(), 1.0)
    colors = (luma + saturation * (unit - luma)) @ colors
    # Brightness comes first: it is a grey, on which the maps that follow act as on any colour.
    offset = brightness * colors.sum(dim=2, keepdim=True)
    return recoloured(images, colors) + offset.to(images.dtype)[..., None]


def filtering(images: Tensor, random: Stream, p: Probability) -> Tensor:
    """Four octaves, each amplified by 2^N(0, 1) in its turn, and all by what keeps the expected power."""
    count, bands = len(images), octaves(images)
    power = constant(POWER, torch.float32, images.device)
    gains = torch.ones(count, len(bands), device=images.device)
    for band in torch.eye(len(bands), device=images.device):
        amplified = _sometimes(random, p, random.normal(count).exp2(), 1.0)[:, None] ** band
        gains = gains * amplified / (power * amplified.square()).sum(dim=1, keepdim=True).sqrt()
    return separable(images, gains.to(images.dtype) @ bands)


def noise(images: Tensor, random: Stream, p: Probability) -> Tensor:
    """Normal noise per value, of a standard deviation that is |N(0, 0.1²)|."""
    sigma = _sometimes(random, p, 0.1 * random.normal(len(images)).abs(), 0.0)
    return images + (_each(sigma) * random.normal(*images.shape)).to(images.dtype)


def cutout(images: Tensor, random: Stream, p: Probability) -> Tensor:
    """A grey box of half the size, its centre anywhere in the picture: between pixels, too."""
    rows, columns = (
        ((index + 0.5) / size - random.uniform(len(images))[:, None]).abs() < 0.25
        for index, size in zip(indices(images), images.shape[2:], strict=True)
    )
    whole = _each(random.uniform(len(images)) >= p)
    return erased(images, whole | ~(rows[:, None, :, None] & columns[:, None, None]))


GROUPS: dict[str, Callable[[Tensor, Stream, Probability], Tensor]] = {
    "blit": blit,
    "geometric": geometric,
    "color": color,
    "filter": filtering,
    "noise": noise,
    "cutout": cutout,
}
"""In the order in which the paper applies them."""


def _sometimes(random: Stream, p: Probability, value: Tensor, neutral: float) -> Tensor:
    """Each picture's value (N,) with probability p, else what changes nothing."""
    return torch.where(random.uniform(len(value)) < p, value, neutral)


def _each(value: Tensor) -> Tensor:
    return value[:, None, None, None]
