"""SimCLR's views, pixel by pixel."""

import math

import numpy as np
import pytest
import torch
from ganreg_augment import ColorJitter, Grayscale, ResizedCrop


def test_a_crop_is_a_window_of_the_picture(stream):
    """Of a picture whose values are their own places."""
    height, width, count = 12, 20, 30
    places = torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")).double()
    made = ResizedCrop(smallest=0.3, aspect=2)(places.expand(count, -1, -1, -1), stream())
    random = stream()
    area, ratio = 0.3 + 0.7 * random.uniform(count), 2 ** (2 * random.uniform(count) - 1)
    down, right = random.uniform(count), random.uniform(count)
    for k in range(count):
        tall, wide = min(math.sqrt(area[k] / ratio[k]), 1) * height, min(math.sqrt(area[k] * ratio[k]), 1) * width
        top, left = down[k].item() * (height - tall), right[k].item() * (width - wide)
        y = (top + (torch.arange(height) + 0.5) * tall / height - 0.5).clamp(0, height - 1)
        x = (left + (torch.arange(width) + 0.5) * wide / width - 0.5).clamp(0, width - 1)
        expected = torch.stack([y[:, None].expand(-1, width), x[None].expand(height, -1)]).double()
        torch.testing.assert_close(made[k], expected, rtol=0, atol=1e-4)


def test_the_whole_picture_is_a_crop_too(pictures, stream):
    images = pictures()
    torch.testing.assert_close(ResizedCrop(smallest=1, aspect=1)(images, stream()), images)


@pytest.mark.parametrize("channels", [1, 3])
def test_jitter_is_four_changes_of_a_picture_in_0_to_1(pictures, stream, channels):
    images, random = pictures(channels=channels), stream()
    draws = [2 * random.uniform(3, 1, 1, 1).flatten().double().numpy() - 1 for _ in range(4)]
    made = ColorJitter(brightness=0.3, contrast=0.4, saturation=0.5, hue=0.2)(images, stream())
    for k in range(3):
        x = (images[k].numpy() + 1) / 2 * (1 + 0.3 * draws[0][k])
        x = (x - x.mean()) * (1 + 0.4 * draws[1][k]) + x.mean()
        x = (x - x.mean(axis=0)) * (1 + 0.5 * draws[2][k]) + x.mean(axis=0)
        if channels == 3:
            angle, axis = 2 * math.pi * 0.2 * draws[3][k], np.ones((3, 1, 1)) / math.sqrt(3)
            along = axis * (axis * x).sum(axis=0)
            x = along + math.cos(angle) * (x - along) + math.sin(angle) * np.cross(axis, x, axis=0)
        np.testing.assert_allclose(made[k].numpy(), 2 * x - 1, rtol=1e-5, atol=1e-6)


def test_grey_is_the_mean_of_the_channels(pictures, stream):
    images, hit = pictures(count=30, channels=3), stream().uniform(30, 1, 1, 1).flatten() < 0.4
    made = Grayscale(p=0.4)(images, stream())
    for k in range(30):
        expected = images[k].mean(dim=0, keepdim=True).expand(3, -1, -1) if hit[k] else images[k]
        assert torch.equal(made[k], expected)
    assert 0 < hit.sum() < 30
