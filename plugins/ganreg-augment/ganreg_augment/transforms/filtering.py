"""Convolutions of pictures, and the filters that they use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d

from ganreg_augment.transforms.sampling import mirrored, pick

SYM6 = (
    *(0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633),
    *(0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252),
    *(-0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148),
)
"""The symlet of six vanishing moments (Daubechies, 1992): orthonormal, and of nearly linear phase."""

HALF_BAND = (-1 / 32, 0.0, 9 / 32, 16 / 32, 9 / 32, 0.0, -1 / 32)
"""½H(z)H(1/z) of sym2, the wavelet of two vanishing moments: the lower half of all frequencies."""


@cache
def constant(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """The numbers in a tensor; a device gets them once, and not in each step."""
    return torch.tensor(values, dtype=dtype, device=device)


@contextmanager
def full_precision(images: Tensor) -> Iterator[None]:
    """Inside, autocast rounds no picture to bfloat16."""
    with torch.autocast("cpu" if images.is_meta else images.device.type, enabled=False):
        yield


def padded(images: Tensor, margin: int) -> Tensor:
    """Pictures with so many more pixels on each side, mirrored; the margin may exceed the picture."""
    height, width = images.shape[2:]
    rows = mirrored(torch.arange(-margin, height + margin, device=images.device), height)
    columns = mirrored(torch.arange(-margin, width + margin, device=images.device), width)
    return pick(images, rows.expand(len(images), -1), columns.expand(len(images), -1))


def separable(images: Tensor, taps: Tensor) -> Tensor:
    """Each picture convolved along both axes with its own taps (N, T), T odd; edges are mirrored."""
    count, channels = images.shape[:2]
    kernels = taps.to(images.dtype).repeat_interleave(channels, dim=0)[:, None]
    flat = padded(images, taps.shape[1] // 2)
    flat = flat.reshape(1, count * channels, *flat.shape[2:])
    flat = conv2d(flat, kernels[:, :, :, None], groups=count * channels)
    return conv2d(flat, kernels[:, :, None], groups=count * channels).reshape(images.shape)


def blur(images: Tensor, sigma: Tensor, reach: int) -> Tensor:
    """Gaussian blur, each picture with its own standard deviation (N,) in pixels, above 0, cut off at `reach`."""
    places = torch.arange(-reach, reach + 1, device=images.device)
    taps = (-places.square() / (2 * sigma[:, None].square())).exp()
    with full_precision(images):
        return separable(images, taps / taps.sum(dim=1, keepdim=True))


def doubled(images: Tensor) -> Tensor:
    """Pictures at twice the resolution: zeros between the pixels, then sym6. (H, W) to (2H + 10, 2W + 10)."""
    kernel = _kernel(images)
    return 2 * conv_transpose2d(images, kernel, stride=2, groups=len(kernel))


def halved(images: Tensor) -> Tensor:
    """The way back: `halved(doubled(images))` is `images`, because sym6 is orthonormal."""
    kernel = _kernel(images)
    return conv2d(images, kernel, stride=2, groups=len(kernel)) / 2


def _kernel(images: Tensor) -> Tensor:
    taps = constant(SYM6, images.dtype, images.device)
    return (taps[:, None] * taps).expand(images.shape[1], 1, -1, -1)


def octaves(like: Tensor) -> Tensor:
    """Four band-pass filters (4, 43) that sum to a single 1: [0, π/8], [π/8, π/4], [π/4, π/2] and [π/2, π].

    With L the half-band filter: L(ω)L(2ω)L(4ω), L(ω)L(2ω)(1 - L(4ω)), L(ω)(1 - L(2ω)) and 1 - L(ω).
    """
    one = torch.ones(1, dtype=like.dtype, device=like.device)
    below, bands = one, []
    for spread in (1, 2, 4):
        half = torch.zeros(6 * spread + 1, dtype=like.dtype, device=like.device)
        half[::spread] = constant(HALF_BAND, like.dtype, like.device)
        wide = _convolved(below, half)
        bands.append(_centred(below, len(wide)) - wide)
        below = wide
    return torch.stack([_centred(band, len(below)) for band in (below, *reversed(bands))])


def _convolved(one: Tensor, other: Tensor) -> Tensor:
    return conv_transpose2d(one[None, None, None], other[None, None, None])[0, 0, 0]


def _centred(taps: Tensor, length: int) -> Tensor:
    margin = (length - len(taps)) // 2
    return torch.nn.functional.pad(taps, (margin, margin))
