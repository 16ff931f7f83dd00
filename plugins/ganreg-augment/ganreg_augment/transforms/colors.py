"""Colours as vectors: grey is the direction (1, …, 1)."""

from __future__ import annotations

import torch
from torch import Tensor


def grey(images: Tensor) -> Tensor:
    """The mean of the channels, (N, 1, H, W)."""
    return images.mean(dim=1, keepdim=True)


def hue(angle: Tensor) -> Tensor:
    """Matrices (N, 3, 3) that turn colours about grey, by angles (N, 1, 1) in radians (Rodrigues' formula)."""
    unit = torch.eye(3, device=angle.device)
    cross = torch.linalg.cross(unit, torch.ones_like(unit)) / 3**0.5
    turned: Tensor = 1 / 3 + angle.cos() * (unit - 1 / 3) + angle.sin() * cross
    return turned


def recoloured(images: Tensor, colors: Tensor) -> Tensor:
    """Each pixel's colour through its picture's matrix (N, C, C)."""
    return (colors.to(images.dtype) @ images.flatten(2)).reshape(images.shape)
