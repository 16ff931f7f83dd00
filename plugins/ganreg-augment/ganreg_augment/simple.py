"""Augmentations of one idea each: mirrored, moved, noisy, blurred."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from ganreg import Augmentation

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg.engine.streams import Stream


class Flip(Augmentation, name="flip"):
    """Pictures mirrored with probability p."""

    p: float = Field(0.5, ge=0, le=1, description="probability of being mirrored, per picture")
    axis: Literal["horizontal", "vertical"] = Field("horizontal", description="left and right, or top and bottom")

    def __call__(self, images: Tensor, random: Stream) -> Tensor:
        """(N, C, H, W) to the same."""
        import torch

        mirrored = images.flip(3 if self.axis == "horizontal" else 2)
        return torch.where(random.uniform(len(images), 1, 1, 1) < self.p, mirrored, images)


class Shift(Augmentation, name="shift"):
    """Pictures moved by whole pixels, uniformly drawn in both directions; mirrored at their edges."""

    pixels: PositiveInt = Field(4, description="the furthest that a picture moves, each way")

    def __call__(self, images: Tensor, random: Stream) -> Tensor:
        """(N, C, H, W) to the same."""
        from ganreg_augment.transforms.sampling import shift

        down, right = (random.integers(2 * self.pixels + 1, len(images), 2) - self.pixels).unbind(1)
        return shift(images, down, right)


class InstanceNoise(Augmentation, name="instance-noise"):
    """Instance noise (Sønderby et al., 2016; arXiv:1610.04490): x + σε, ε ~ N(0, 1) for each value.

    Both sides get it, so that their distributions overlap. The paper anneals σ: `{name: scheduled, base:
    instance-noise, parameter: sigma, start: 0.1, end: 0, steps: 10000}`.
    """

    sigma: NonNegativeFloat = Field(0.1, allow_inf_nan=False, description="standard deviation, where pictures are ±1")

    def __call__(self, images: Tensor, random: Stream) -> Tensor:
        """(N, C, H, W) to the same."""
        return images + self.sigma * random.normal(*images.shape).to(images.dtype)


class Blur(Augmentation, name="blur"):
    """Gaussian blur, g(t) ∝ exp(-t²/2σ²) along both axes, as StyleGAN3 begins with (Karras et al., 2021).

    There (arXiv:2106.12423) it fades out over the first pictures, so that the discriminator looks at
    coarse shapes first: `{name: scheduled, base: blur, parameter: sigma, start: 10, end: 0, steps: 6000}`.
    """

    sigma: NonNegativeFloat = Field(1.0, le=64, description="standard deviation in pixels; 0 for none")
    least: PositiveFloat | None = Field(None, description="each picture draws σ from U[least, sigma); or null")

    @model_validator(mode="after")
    def _least_is_less(self) -> Self:
        if self.least is not None and self.least > self.sigma:
            raise ValueError(f"least, {self.least}, is more than sigma, {self.sigma}")
        return self

    def __call__(self, images: Tensor, random: Stream) -> Tensor:
        """(N, C, H, W) to the same."""
        from ganreg_augment.transforms.filtering import blur

        if self.sigma == 0:
            return images
        least = self.sigma if self.least is None else self.least
        sigma = least + (self.sigma - least) * random.uniform(len(images)).to(images.dtype)
        return blur(images, sigma, reach=ceil(3 * self.sigma))
