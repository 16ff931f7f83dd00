"""DiffAugment's policies, pixel by pixel."""

import pytest
import torch
from ganreg_augment import DiffAugment
from ganreg_augment.transforms import diffaugment


def test_color_is_brightness_then_saturation_then_contrast(pictures, stream):
    images = pictures(channels=3)
    brightness, saturation, contrast = stream().uniform(3, 3, 1, 1, 1).double().unbind(1)
    made = DiffAugment(policy=["color"])(images, stream())
    for k in range(3):
        x = images[k] + (brightness[k] - 0.5)
        grey = x.mean(dim=0, keepdim=True)
        x = (x - grey) * (2 * saturation[k]) + grey
        x = (x - x.mean()) * (contrast[k] + 0.5) + x.mean()
        torch.testing.assert_close(made[k], x)


def test_translation_leaves_grey_behind(pictures, stream):
    images, random = pictures(height=16, width=24), stream()
    down = (random.integers(5, 3) - 2).tolist()
    right = (random.integers(7, 3) - 3).tolist()
    made = DiffAugment(policy=["translation"])(images, stream())
    for k in range(3):
        for i in range(16):
            for j in range(24):
                a, b = i - down[k], j - right[k]
                inside = 0 <= a < 16 and 0 <= b < 24
                assert torch.equal(made[k, :, i, j], images[k, :, a, b] if inside else torch.zeros(2).double())
    assert any(down)
    assert any(right)


def test_cutout_is_half_as_large_as_the_picture(pictures, stream):
    images, random = pictures(count=30, height=8, width=6), stream()
    rows, columns = random.integers(9, 30), random.integers(6, 30)
    made = DiffAugment(policy=["cutout"])(images, stream())
    for k in range(30):
        box = torch.zeros(8, 6, dtype=torch.bool)
        top, left = rows[k].item() - 2, columns[k].item() - 1
        box[max(top, 0) : top + 4, max(left, 0) : left + 3] = True
        assert torch.equal(made[k], torch.where(box, 0.0, images[k]))
    assert len(set(rows.tolist())) == 9


class Each:
    """In place of random numbers each that there may be, in turn."""

    def integers(self, high, count):
        return torch.arange(count) % high


@pytest.mark.parametrize(("size", "box"), [(8, 4), (6, 3), (5, 3), (7, 4), (1, 1)])
def test_cutout_treats_both_edges_alike(size, box):
    """(size, box): the coverage of a row, over all places of its box; as offsets of the authors' code."""
    places = size + 1 - box % 2
    kept = diffaugment.cutout(torch.ones(places, 1, size, size), Each())[:, 0]
    rows = (kept == 0).any(dim=2).sum(dim=0).tolist()
    assert rows == rows[::-1]
    assert rows == [
        sum(place - box // 2 <= row < place - box // 2 + box for place in range(places)) for row in range(size)
    ]


@pytest.mark.parametrize(("size", "reach"), [(3, 0), (4, 1), (8, 1), (12, 2), (20, 3), (36, 5), (32, 4)])
def test_translation_reaches_an_eighth_of_the_size_a_half_rounded_up(size, reach):
    images = torch.ones(2 * reach + 1, 1, size, size)
    made = diffaugment.translation(images, Each())[:, 0]
    grey = (made == 0).all(dim=2).sum(dim=1).tolist()
    assert grey == [abs(place - reach) for place in range(2 * reach + 1)]


def test_policies_follow_in_the_order_that_is_given(pictures, stream):
    images, random = pictures(), stream()
    expected = DiffAugment(policy=["color"])(DiffAugment(policy=["cutout"])(images, random), random)
    assert torch.equal(DiffAugment(policy=["cutout", "color"])(images, stream()), expected)


def test_it_has_all_three_unless_it_is_told_otherwise():
    assert DiffAugment().policy == ("color", "translation", "cutout")
    with pytest.raises(ValueError, match="policy"):
        DiffAugment(policy=["colour"])
