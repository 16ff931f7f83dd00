"""The three policies of DiffAugment; each picture draws for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from ganreg_augment.transforms.boxes import erased, outside
from ganreg_augment.transforms.colors import grey
from ganreg_augment.transforms.sampling import shift

if TYPE_CHECKING:
    from ganreg.engine.streams import Stream


def color(images: Tensor, random: Stream) -> Tensor:
    """x + b, then saturation s and contrast c: b ~ U[-½, ½), s ~ U[0, 2), c ~ U[½, 3/2)."""
    brightness, saturation, contrast = random.uniform(len(images), 3, 1, 1, 1).to(images.dtype).unbind(1)
    images = images + (brightness - 0.5)
    images = grey(images) + 2 * saturation * (images - grey(images))
    level = images.mean(dim=(1, 2, 3), keepdim=True)
    contrasted: Tensor = level + (contrast + 0.5) * (images - level)
    return contrasted


def translation(images: Tensor, random: Stream) -> Tensor:
    """Moved by up to an eighth of the size each way, to whole pixels; grey where nothing is left."""
    height, width = images.shape[2:]
    down, right = (random.integers(2 * reach + 1, len(images)) - reach for reach in (_part(height, 8), _part(width, 8)))
    kept = ~outside(images, down, right, height, width)
    return erased(shift(images, down, right), kept)


def cutout(images: Tensor, random: Stream) -> Tensor:
    """A grey box of half the size, its centre anywhere in the picture, edges included."""
    height, width = images.shape[2:]
    tall, wide = _part(height, 2), _part(width, 2)
    # The centre of an even box is an edge of pixels, of which there is one more.
    top, left = (
        random.integers(size + 1 - box % 2, len(images)) - box // 2 for size, box in ((height, tall), (width, wide))
    )
    return erased(images, outside(images, top, left, tall, wide))


def _part(size: int, divisor: int) -> int:
    """Whole pixels, a half rounded up as in the authors' code."""
    return int(size / divisor + 0.5)
