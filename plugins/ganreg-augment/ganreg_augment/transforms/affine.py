"""Affine transformations of the plane, and pictures put through them."""

from __future__ import annotations

import torch
from torch import Tensor

from ganreg_augment.transforms.filtering import SYM6, doubled, halved, padded
from ganreg_augment.transforms.sampling import bilinear, folded

MARGIN = 6
"""Mirrored pixels around a picture: beyond its edges the filter sees five of them."""

DELAY = sum(index * tap for index, tap in enumerate(SYM6)) / sum(SYM6)
"""Where in the filter its centre lies."""


def scaling(x: Tensor, y: Tensor) -> Tensor:
    """(N,) and (N,) to matrices (N, 3, 3)."""
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return _matrices((x, zero, zero), (zero, y, zero), (zero, zero, one))


def rotation(angle: Tensor) -> Tensor:
    """Angles (N,) in radians to matrices (N, 3, 3)."""
    zero, one, cos, sin = torch.zeros_like(angle), torch.ones_like(angle), angle.cos(), angle.sin()
    return _matrices((cos, -sin, zero), (sin, cos, zero), (zero, zero, one))


def translation(x: Tensor, y: Tensor) -> Tensor:
    """(N,) and (N,) to matrices (N, 3, 3)."""
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return _matrices((one, zero, x), (zero, one, y), (zero, zero, one))


def _matrices(*rows: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def transformed(images: Tensor, back: Tensor) -> Tensor:
    """Pictures (N, C, H, W) after transformations about their centres, of which the inverses (N, 3, 3) are given.

    Coordinates are pixels, x to the right and y down. Pictures are read bilinearly at twice their resolution, reached
    and left by sym6 (Karras et al., 2020; arXiv:2006.06676, appendix B), and mirrored at their edges. What the
    identity is given for stays as it is.
    """
    height, width = images.shape[2:]
    large = doubled(padded(images, MARGIN))
    centre_x, centre_y = (2 * (MARGIN + (size - 1) / 2) + DELAY for size in (width, height))
    x, y = (
        torch.arange(2 * MARGIN, 2 * (MARGIN + size) + len(SYM6) - 2, device=images.device, dtype=back.dtype)
        for size in (width, height)
    )
    x, y = x[None, None, :] - centre_x, y[None, :, None] - centre_y
    (xx, xy, xt), (yx, yy, yt) = (back[:, row, :, None, None].unbind(dim=1) for row in (0, 1))
    from_x = folded(xx * x + xy * y + 2 * xt + centre_x, centre_x - width, centre_x + width)
    from_y = folded(yx * x + yy * y + 2 * yt + centre_y, centre_y - height, centre_y + height)
    moved = halved(bilinear(large, from_x, from_y))
    still = (back == torch.eye(3, dtype=back.dtype, device=back.device)).flatten(1).all(dim=1)
    return torch.where(still[:, None, None, None], images, moved)
