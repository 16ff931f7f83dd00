"""The views that contrastive learning compares, as augmentations of a GAN (Jeong & Shin, 2021; arXiv:2103.09742)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ganreg import Augmentation

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg.engine.streams import Stream

Strength = Annotated[float, Field(ge=0, le=1)]


class ResizedCrop(Augmentation, name="resized-crop"):
    """A window of the picture, enlarged to its size (Chen et al., 2020; arXiv:2002.05709, appendix A).

    Its area is U[smallest, 1) of the picture's, the ratio of its sides log-uniform between 1/aspect and aspect.
    """

    smallest: float = Field(0.2, gt=0, le=1, description="the smallest share of the area")
    aspect: float = Field(4 / 3, ge=1, le=10, description="the largest ratio of the sides")

    def __call__(self, images: Tensor, random: Stream) -> Tensor:
        """(N, C, H, W) to the same."""
        from ganreg_augment.transforms.views import resized_crop

        return resized_crop(images, random, self.smallest, self.aspect)


class ColorJitter(Augmentation, name="color-jitter"):
    """Other colours, as strong as SimCLR has them on small pictures (Chen et al., 2020; arXiv:2002.05709, appendix A).

    Brightness, contrast and saturation by factors U[1 - s, 1 + s), hue by U[-s, s) of the circle. Here hue turns about
    grey, which has derivatives everywhere. SimCLR jitters with probability 0.8: `{name: scheduled, base: color-jitter,
    start: 0.8, end: 0.8}`.
    """

    brightness: Strength = Field(0.4, description="s of the factor of all values")
    contrast: Strength = Field(0.4, description="s of the factor of distances from the picture's mean")
    saturation: Strength = Field(0.4, description="s of the factor of distances from grey")
    hue: float = Field(0.1, ge=0, le=0.5, description="s of the turn, in whole circles; of three channels")

    def __call__(self, images: Tensor, random: Stream) -> Tensor:
        """(N, C, H, W) to the same."""
        from ganreg_augment.transforms.views import color_jitter

        return color_jitter(images, random, (self.brightness, self.contrast, self.saturation, self.hue))


class Grayscale(Augmentation, name="grayscale"):
    """Pictures without colour, with probability p (Chen et al., 2020; arXiv:2002.05709, appendix A)."""

    p: float = Field(0.2, ge=0, le=1, description="probability of being grey, per picture")

    def __call__(self, images: Tensor, random: Stream) -> Tensor:
        """(N, C, H, W) to the same."""
        from ganreg_augment.transforms.views import grayscale

        return grayscale(images, random, self.p)
