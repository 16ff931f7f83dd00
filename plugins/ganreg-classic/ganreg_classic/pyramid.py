"""The picture sizes that DCGAN reaches by doubling from its coarsest grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ganreg.task import Shape


def pyramid(image: Shape) -> tuple[int, int]:
    """The side of the coarsest grid, and how many doublings lead from it to the picture's side.

    8, 16, 32, 64, … start at 4x4 as published; 28 starts at 7x7, and 4 at 2x2, so that every picture is at least
    one doubling away. Raises ValueError for other sizes, naming those that work.
    """
    height, width = image[1:]
    quarters = height // 4
    if height == width == 28:
        return 7, 2
    if height == width == 4:
        return 2, 1
    if height == width == 4 * quarters and quarters > 0 and quarters & (quarters - 1) == 0:
        return 4, quarters.bit_length() - 1
    raise ValueError(f"works on square images of side 4, 8, 16, 32, 64, … (4·2^k) or 28, not on {height}x{width}")
