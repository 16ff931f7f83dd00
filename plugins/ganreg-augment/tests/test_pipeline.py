"""ADA's transformations: each against its definition, with the same random numbers."""

import math

import numpy as np
import pytest
import torch
from ganreg_augment import FixedADA
from ganreg_augment.transforms import affine
from ganreg_augment.transforms.filtering import SYM6, doubled, halved, octaves
from ganreg_augment.transforms.pipeline import GROUPS

ALL = tuple(GROUPS)


def drawn(random, p, value, neutral):
    """The paper's "with probability p", value by value."""
    return [v if u < p else neutral for v, u in zip(value.tolist(), random.uniform(len(value)).tolist(), strict=True)]


@pytest.mark.parametrize("group", ALL)
@pytest.mark.parametrize("size", [(8, 8), (5, 9), (2, 2)])
def test_without_probability_nothing_changes(pictures, stream, group, size):
    images = pictures(channels=3, height=size[0], width=size[1])
    made = FixedADA(p=0, groups=[group])(images, stream())
    torch.testing.assert_close(made, images, rtol=0, atol=1e-6)
    if group in ("blit", "geometric", "noise", "cutout"):
        assert torch.equal(made, images)


@pytest.mark.parametrize("p", [0.5, 1.0])
@pytest.mark.parametrize(("height", "width"), [(16, 16), (12, 20)])
def test_blit_mirrors_turns_and_moves_whole_pixels(pictures, stream, p, height, width):
    """A picture that is not square turns by halves."""
    images, random = pictures(count=24, height=height, width=width), stream()
    quarters = 1 if height == width else 2
    mirror = drawn(random, p, random.integers(2, 24), 0)
    turn = drawn(random, p, quarters * random.integers(4 // quarters, 24), 0)
    offsets = random.uniform(24, 2).T
    moved = drawn(random, p, torch.ones(24), 0)
    made = FixedADA(p=p, groups=["blit"])(images, stream())
    for k in range(24):
        x = images[k].flip(2) if mirror[k] else images[k]
        x = x.rot90(turn[k], (1, 2))
        down, right = (round((offsets[a, k].item() - 0.5) / 4 * s * moved[k]) for a, s in ((0, height), (1, width)))
        wide = torch.cat([x.flip(1), x, x.flip(1)], dim=1)
        wide = torch.cat([wide.flip(2), wide, wide.flip(2)], dim=2)
        assert torch.equal(made[k], wide[:, height - down :, width - right :][:, :height, :width])
    assert set(turn) == set(range(0, 4, quarters))


def smooth(x, y):
    return torch.sin(0.15 * x + 0.3) * torch.cos(0.2 * y) + 0.02 * x


def grid(size):
    steps = torch.arange(size, dtype=torch.float64)
    return torch.meshgrid(steps, steps, indexing="xy")


def test_geometric_is_the_papers_composition(stream):
    """T·R·A·R·S of a smooth function, which is known between the pixels, too."""
    size, count = 48, 12
    x, y = grid(size)
    images = smooth(x, y).expand(count, 1, -1, -1)
    random, p = stream(), 0.6
    either = 1 - math.sqrt(1 - p)
    scale, stretch = (drawn(random, p, 0.2 * random.normal(count), 0) for _ in range(2))
    before, after = (drawn(random, either, 2 * math.pi * (random.uniform(count) - 0.5), 0) for _ in range(2))
    offsets = 0.125 * random.normal(count, 2).T.double() * size
    moved = drawn(random, p, torch.ones(count), 0)
    made = FixedADA(p=p, groups=["geometric"])(images, stream())
    compared = 0
    for k in range(count):

        def turn(angle):
            return np.array([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]])

        forth = np.diag([2 ** scale[k], 2 ** scale[k], 1])
        forth = turn(before[k]) @ forth
        forth = np.diag([2 ** stretch[k], 2 ** -stretch[k], 1]) @ forth
        forth = turn(after[k]) @ forth
        forth = np.array([[1, 0, offsets[0, k] * moved[k]], [0, 1, offsets[1, k] * moved[k]], [0, 0, 1]]) @ forth
        back, centre = np.linalg.inv(forth), (size - 1) / 2
        u, v = (back[r, 0] * (x - centre) + back[r, 1] * (y - centre) + back[r, 2] + centre for r in (0, 1))
        inside = (u > 4) & (u < size - 5) & (v > 4) & (v < size - 5)
        compared += int(inside.sum())
        assert (made[k, 0] - smooth(u, v))[inside].abs().max() < 4e-3
    assert compared > count * size**2 / 4


def test_beyond_its_edges_a_picture_is_mirrored():
    x, _ = grid(32)
    one = torch.ones(1, dtype=torch.float64)
    ramp = (x / 31)[None, None]
    moved = affine.transformed(ramp, affine.translation(-10.25 * one, 0 * one))[0, 0, 16]
    assert moved[20].item() == pytest.approx((20 - 10.25) / 31, abs=1e-3)
    assert moved[3].item() == pytest.approx((10.25 - 3 - 1) / 31, abs=1e-3)


def test_the_filter_is_orthonormal():
    """Σ h[n]·h[n + 2k] is 1 for k = 0 and else 0, and six moments of its high-pass vanish: that is sym6."""
    h = torch.tensor(SYM6, dtype=torch.float64)
    products = [(h[2 * k :] * h[: 12 - 2 * k]).sum().item() for k in range(6)]
    assert products == pytest.approx([1, 0, 0, 0, 0, 0], abs=1e-11)
    signs = torch.tensor([1.0, -1.0] * 6, dtype=torch.float64)
    steps = torch.arange(12, dtype=torch.float64)
    assert [(signs * h * steps**m).sum().item() for m in range(6)] == pytest.approx([0] * 6, abs=1e-6)


def test_doubling_is_undone(pictures):
    images = pictures(height=5, width=7)
    torch.testing.assert_close(halved(doubled(images)), images, rtol=0, atol=1e-11)


def rotated_hue(color, angle):
    """Rodrigues' rotation of a colour about grey."""
    axis = np.ones(3) / math.sqrt(3)
    return (
        color * math.cos(angle)
        + np.cross(axis, color) * math.sin(angle)
        + axis * (axis @ color) * (1 - math.cos(angle))
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_color_is_five_maps_of_each_pixels_colour(pictures, stream, channels):
    count, p, random = 8, 0.7, stream()
    images = pictures(count=count, channels=channels, height=3, width=3)
    brightness = drawn(random, p, 0.2 * random.normal(count), 0)
    contrast = drawn(random, p, 0.5 * random.normal(count), 0)
    flip = drawn(random, p, random.integers(2, count), 0)
    angle = drawn(random, p, 2 * math.pi * (random.uniform(count) - 0.5), 0) if channels == 3 else [0] * count
    saturation = drawn(random, p, random.normal(count), 0)
    made = FixedADA(p=p, groups=["color"])(images, stream())
    for k in range(count):
        for i in range(9):
            color = images[k].flatten(1)[:, i].numpy()
            color = (color + brightness[k]) * 2 ** contrast[k]
            color = color - 2 * color.mean() if flip[k] else color
            color = rotated_hue(color, angle[k]) if channels == 3 else color
            color = color.mean() + 2 ** saturation[k] * (color - color.mean())
            np.testing.assert_allclose(made[k].flatten(1)[:, i].numpy(), color, rtol=1e-5, atol=1e-6)


def test_filter_amplifies_octaves_in_the_frequency_domain(pictures, stream):
    """By FFT on the mirrored picture, whose filters are products of cosines."""
    count, size, p, random = 4, 32, 0.8, stream()
    images = pictures(count=count, channels=1, height=size, width=size)
    gains = np.ones((count, 4))
    for band in range(4):
        own = np.ones((count, 4))
        own[:, band] = 2 ** np.array(drawn(random, p, random.normal(count), 0))
        gains *= own / np.sqrt((np.array([10, 1, 1, 1]) / 13 * own**2).sum(axis=1, keepdims=True))
    made = FixedADA(p=p, groups=["filter"])(images, stream())
    omega = 2 * math.pi * np.fft.fftfreq(2 * size)

    def low(w):
        return 0.5 + 9 / 16 * np.cos(w) - 1 / 16 * np.cos(3 * w)

    first, second, third = low(omega), low(2 * omega), low(4 * omega)
    bands = [first * second * third, first * second * (1 - third), first * (1 - second), 1 - first]
    for k in range(count):
        x = images[k, 0].numpy()
        tile = np.block([[x, x[:, ::-1]], [x[::-1], x[::-1, ::-1]]])
        response = sum(g * b for g, b in zip(gains[k], bands, strict=True))
        expected = np.fft.ifft2(np.fft.fft2(tile) * response[:, None] * response).real[:size, :size]
        np.testing.assert_allclose(made[k, 0].numpy(), expected, rtol=1e-5, atol=1e-6)


def test_octaves_pass_their_own_frequencies():
    taps = octaves(torch.zeros((), dtype=torch.float64)).numpy()
    assert taps.sum(axis=0) == pytest.approx(np.eye(43)[21], abs=1e-12)
    responses = np.abs(np.fft.fft(taps, 512, axis=1))[:, :257]
    peaks = [np.flatnonzero(r > 0.9 * r.max()) * math.pi / 256 for r in responses]
    for peak, (low, high) in zip(peaks, [(0, 1 / 8), (1 / 8, 1 / 4), (1 / 4, 1 / 2), (1 / 2, 1)], strict=True):
        assert low * math.pi <= peak.mean() <= high * math.pi


def test_noise_has_a_strength_per_picture(pictures, stream):
    images, random = pictures(count=6), stream()
    sigma = torch.tensor(drawn(random, 0.5, 0.1 * random.normal(6).abs(), 0)).reshape(6, 1, 1, 1)
    made = FixedADA(groups=["noise"])(images, stream())
    torch.testing.assert_close(made - images, (sigma * random.normal(6, 2, 6, 6)).double())


def test_cutout_leaves_some_pictures_whole(pictures, stream):
    images, random = pictures(count=20, height=8, width=6), stream()
    y, x = random.uniform(20).tolist(), random.uniform(20).tolist()
    hit = random.uniform(20) < 0.5
    made = FixedADA(groups=["cutout"])(images, stream())
    for k in range(20):
        for i in range(8):
            for j in range(6):
                inside = abs((i + 0.5) / 8 - y[k]) < 0.25 and abs((j + 0.5) / 6 - x[k]) < 0.25
                assert torch.equal(
                    made[k, :, i, j], torch.zeros(2).double() if inside and hit[k] else images[k, :, i, j]
                )
    assert 0 < hit.sum() < 20


class Even:
    """In place of random numbers ones that are evenly spread."""

    def uniform(self, count):
        return (torch.arange(count) + 0.5) / count


@pytest.mark.parametrize("size", [5, 6, 7, 8])
def test_cutout_treats_both_edges_alike(size):
    """A row is covered by each centre that is nearer than a quarter: half of all in the middle, less at the edges."""
    count = 1000
    made = FixedADA(p=1, groups=["cutout"])(torch.ones(count, 1, size, size), Even())[:, 0]
    rows = (made == 0).any(dim=2).double().mean(dim=0)
    assert rows.tolist() == pytest.approx(rows.flip(0).tolist(), abs=2 / count)
    near = [min((i + 0.5) / size + 0.25, 1) - max((i + 0.5) / size - 0.25, 0) for i in range(size)]
    assert rows.tolist() == pytest.approx(near, abs=2 / count)


def test_groups_follow_in_the_papers_order(pictures, stream):
    images, random = pictures(channels=3, height=8, width=8), stream()
    expected = images
    for group in ALL:
        expected = FixedADA(groups=[group])(expected, random)
    assert torch.equal(FixedADA(groups=ALL[::-1])(images, stream()), expected)
    assert FixedADA().groups == ("blit", "geometric", "color")


def test_it_is_not_rounded_under_autocast(stream):
    images = torch.rand(2, 3, 8, 8)
    plain = FixedADA(groups=ALL)(images, stream())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(FixedADA(groups=ALL)(images, stream()), plain)
