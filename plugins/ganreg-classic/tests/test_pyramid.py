"""Which sizes DCGAN serves."""

import pytest
from ganreg_classic.pyramid import pyramid
from hypothesis import given, settings
from hypothesis import strategies as st

SIDES = {4 * 2**k for k in range(12)} | {28}


@pytest.mark.parametrize("side", sorted(SIDES))
def test_doubling_the_coarsest_grid_gives_the_picture(side):
    coarsest, doublings = pyramid((3, side, side))
    assert coarsest * 2**doublings == side
    assert doublings >= 1
    assert coarsest in (2, 4, 7)


@settings(deadline=None)
@given(st.integers(1, 5000), st.integers(1, 5000))
def test_other_sizes_are_refused(height, width):
    if height == width and height in SIDES:
        width += 1
    with pytest.raises(ValueError, match=rf"side 4, 8, 16, 32, 64, .* or 28, not on {height}x{width}$"):
        pyramid((3, height, width))


@pytest.mark.parametrize("side", [1, 2, 3, 5, 6, 12, 14, 24, 48, 56, 96])
def test_squares_between_the_sizes_are_refused(side):
    with pytest.raises(ValueError, match=f"not on {side}x{side}"):
        pyramid((1, side, side))
