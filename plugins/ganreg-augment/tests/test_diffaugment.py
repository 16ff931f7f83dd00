"""DiffAugment's policies, pixel by pixel."""

import pytest
import torch
from ganreg_augment import DiffAugment


def test_color_is_brightness_then_saturation_then_contrast(pictures, stream):
    images = pictures(channels=3)
    brightness, saturation, contrast = stream().uniform(3, 3, 1, 1, 1).double()
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
    rows, columns = random.integers(8, 30), random.integers(6, 30)
    made = DiffAugment(policy=["cutout"])(images, stream())
    for k in range(30):
        box = torch.zeros(8, 6, dtype=torch.bool)
        top, left = rows[k].item() - 2, columns[k].item() - 1
        box[max(top, 0) : top + 4, max(left, 0) : left + 3] = True
        assert torch.equal(made[k], torch.where(box, 0.0, images[k]))
    assert len(set(rows.tolist())) == 8


def test_policies_follow_in_the_order_that_is_given(pictures, stream):
    images, random = pictures(), stream()
    expected = DiffAugment(policy=["color"])(DiffAugment(policy=["cutout"])(images, random), random)
    assert torch.equal(DiffAugment(policy=["cutout", "color"])(images, stream()), expected)


def test_it_has_all_three_unless_it_is_told_otherwise():
    assert DiffAugment().policy == ("color", "translation", "cutout")
    with pytest.raises(ValueError, match="policy"):
        DiffAugment(policy=["colour"])
