"""The stages of networks that grow (Karras et al., 2017; arXiv:1710.10196)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import interpolate


@dataclass(frozen=True)
class Stage:
    """A stage of growth.

    size: to which the sides of real pictures shrink, in pixels; None leaves them. fade in [0, 1]: how far the stage
    has come in.
    """

    index: int = 0
    size: int | None = None
    fade: float = 1.0

    def fit(self, images: Tensor) -> Tensor:
        """Real pictures (N, C, H, W) as the stage shows them: as it comes in, blended with those of half the size."""
        if self.size is None:
            return images
        images = interpolate(images, size=self.size, mode="area")
        if self.fade < 1:
            coarse = interpolate(images, scale_factor=0.5, mode="area")
            images = interpolate(coarse, size=images.shape[2:], mode="nearest").lerp(images, self.fade)
        return images


def set_stage(network: nn.Module, index: int, fade: float) -> None:
    """Tell a network that grows where it stands: `set_stage(index, fade)`, where it has that method."""
    method: Any = getattr(network, "set_stage", None)
    if method is not None:
        method(index, fade)
