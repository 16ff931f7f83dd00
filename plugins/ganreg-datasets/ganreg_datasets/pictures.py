"""From a picture file of any size and mode to a square array of bytes.

Pillow's resampling filters widen with the reduction, so they antialias; those of many libraries do not, which shows
in metrics (Parmar, Zhang and Zhu, 2022; arXiv:2104.11222).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

Bytes = NDArray[np.uint8]

# Named, because Pillow would open whatever it knows behind any file name: for PostScript it starts Ghostscript.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "TGA")
FILTER = Image.Resampling.LANCZOS
PHOTOMETRIC, WHITE_IS_ZERO = 262, 0
"""A tag of TIFF, and one of its values."""


class BrokenPictureError(Exception):
    """A file that cannot be made a picture of; the message says why, without the path."""


@dataclass(frozen=True)
class Form:
    """What every picture becomes: (channels, size, size), its centre cut out or the whole squashed."""

    size: int
    channels: Literal[1, 3]
    resize: Literal["crop", "stretch"]

    def load(self, path: Path) -> Bytes:
        """The picture as (channels, size, size) uint8; BrokenPictureError for whatever is wrong with the file."""
        if not os.path.isfile(path):  # a link to nothing; a pipe, which would wait for ever
            raise BrokenPictureError("not a file")
        try:
            with Image.open(path, formats=FORMATS) as image:
                found = self._array(_upright(image))
                return ~found if _negative(image) else found
        except UnidentifiedImageError as error:
            raise BrokenPictureError("not a picture in a known format, or cut short") from error
        except BrokenPictureError:
            raise
        except Exception as error:  # what a damaged file can make a decoder raise is not a closed list
            raise BrokenPictureError(str(error) or type(error).__name__) from error

    def _array(self, image: Image.Image) -> Bytes:
        image = _opaque(image).convert("L" if self.channels == 1 else "RGB")
        if self.resize == "crop":  # and not by resize's `box`, beyond whose edge the filter would reach
            image = image.crop(_centre(image.width, image.height))
        square = np.asarray(image.resize((self.size, self.size), FILTER))
        return np.ascontiguousarray(square.reshape(self.size, self.size, self.channels).transpose(2, 0, 1))


def resize_each(images: Bytes, size: int) -> Bytes:
    """Grey pictures (N, H, W) to (N, size, size)."""
    return np.stack([np.asarray(Image.fromarray(image).resize((size, size), FILTER)) for image in images])


def _upright(image: Image.Image) -> Image.Image:
    """The picture as its EXIF orientation says; damaged metadata is not a damaged picture."""
    image.load()  # first, and outside of `try`: damaged pixels are one
    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        return image


def _negative(image: Image.Image) -> bool:
    """Whether 0 is white still: Pillow inverts such pictures of 8 bits, and not those of 16."""
    return image.mode == "I;16" and getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == WHITE_IS_ZERO


def _opaque(image: Image.Image) -> Image.Image:
    """The picture in 8 bits, on white where it is transparent."""
    if image.mode.startswith("I"):
        return _eight_bits(image)
    if image.mode == "F":
        raise BrokenPictureError("its values are floating-point, for which no white level is agreed")
    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)


def _eight_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.int64)
    values[values == image.info.get("transparency")] = 65535
    if values.min() < 0 or values.max() > 65535:
        raise BrokenPictureError("its values exceed 16 bits, for which no white level is agreed")
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))


def _centre(width: int, height: int) -> tuple[int, int, int, int]:
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side
