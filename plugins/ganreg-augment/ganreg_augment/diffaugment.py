"""Differentiable augmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from ganreg import Augmentation

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg.engine.streams import Stream

Policy = Literal["color", "translation", "cutout"]


class DiffAugment(Augmentation, name="diffaugment"):
    """Differentiable augmentation (Zhao et al., 2020; arXiv:2006.10738): D(T(x)) and D(T(G(z))).

    color: brightness by U[-½, ½), saturation by the factor U[0, 2), contrast by U[½, 3/2). translation: by up to 1/8
    of the size, grey beyond. cutout: a grey box of half the size. Every picture is changed, each in its own way.
    """

    policy: tuple[Policy, ...] = Field(
        ("color", "translation", "cutout"), min_length=1, description="what is done, in this order"
    )

    def __call__(self, images: Tensor, random: Stream) -> Tensor:
        """(N, C, H, W) to the same."""
        from ganreg_augment.transforms import diffaugment

        for name in self.policy:
            images = getattr(diffaugment, name)(images, random)
        return images
