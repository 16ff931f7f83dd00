"""Augmentations of one idea, pixel by pixel."""

import math

import pytest
import torch
from ganreg_augment import Blur, Flip, InstanceNoise, Shift
from pydantic import ValidationError


@pytest.mark.parametrize("axis", ["horizontal", "vertical"])
def test_flip_mirrors_pictures_with_its_probability(pictures, stream, axis):
    images, draws = pictures(count=40), stream().uniform(40, 1, 1, 1).flatten()
    made = Flip(p=0.3, axis=axis)(images, stream())
    for k in range(40):
        mirrored = images[k].flip(2 if axis == "horizontal" else 1)
        assert torch.equal(made[k], mirrored if draws[k] < 0.3 else images[k])
    assert 0 < (draws < 0.3).sum() < 40


@pytest.mark.parametrize("pixels", [1, 4, 9])
def test_shift_moves_pictures_and_mirrors_their_edges(pictures, stream, pixels):
    images = pictures(height=5, width=7)
    down, right = (stream().integers(2 * pixels + 1, 3, 2) - pixels).T.tolist()
    made = Shift(pixels=pixels)(images, stream())

    def read(index, size):  # walk through the mirrored copies to the picture's own
        while not 0 <= index < size:
            index = -1 - index if index < 0 else 2 * size - 1 - index
        return index

    for k in range(3):
        for i in range(5):
            for j in range(7):
                assert torch.equal(made[k, :, i, j], images[k, :, read(i - down[k], 5), read(j - right[k], 7)])
    assert len(set(down + right)) > 1


def test_instance_noise_is_added(pictures, stream):
    images = pictures()
    made = InstanceNoise(sigma=0.25)(images, stream())
    torch.testing.assert_close(made - images, 0.25 * stream().normal(3, 2, 6, 6).double())
    assert torch.equal(InstanceNoise(sigma=0)(images, stream()), images)


@pytest.mark.parametrize("sigma", [0.4, 1.0, 3.0])
def test_blur_is_a_gaussian_mean_of_neighbours(pictures, stream, sigma):
    images, reach = pictures(count=1, channels=1, height=4, width=5), math.ceil(3 * sigma)
    tile = torch.cat([images, images.flip(3)], dim=3)
    tile = torch.cat([tile, tile.flip(2)], dim=2)[0, 0]  # one period of the mirrored picture
    made = Blur(sigma=sigma)(images, stream())[0, 0]
    weights = {t: math.exp(-(t**2) / (2 * sigma**2)) for t in range(-reach, reach + 1)}
    total = sum(weights.values()) ** 2
    for i in range(4):
        for j in range(5):
            expected = sum(
                weights[a] * weights[b] * tile[(i + a) % 8, (j + b) % 10].item() for a in weights for b in weights
            )
            assert made[i, j].item() == pytest.approx(expected / total, rel=1e-9)
    assert Blur(sigma=0)(images, stream()) is images


def test_every_picture_can_have_a_blur_of_its_own(pictures, stream):
    images, sigmas = pictures(), 0.3 + 1.7 * stream().uniform(3)
    made = Blur(sigma=2, least=0.3)(images, stream())
    for k in range(3):
        alone = Blur(sigma=sigmas[k].item())(images[k : k + 1], stream())
        torch.testing.assert_close(made[k], alone[0], rtol=0, atol=5e-3)  # cut off elsewhere


def test_blur_is_not_rounded_under_autocast(stream):
    images = torch.rand(2, 1, 8, 8)
    plain = Blur()(images, stream())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(Blur()(images, stream()), plain)


@pytest.mark.parametrize(
    ("component", "wrong"),
    [
        (Blur, {"least": 2}),
        (Flip, {"p": 1.1}),
        (Flip, {"axis": "both"}),
        (Shift, {"pixels": 0}),
        (InstanceNoise, {"sigma": -1}),
    ],
    ids=str,
)
def test_parameters_out_of_range_are_refused(component, wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        component(**wrong)
