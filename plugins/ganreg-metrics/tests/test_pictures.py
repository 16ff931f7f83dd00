"""Measures of pictures themselves: MS-SSIM and the sliced Wasserstein distance of patches."""

from math import exp

import numpy as np
import pytest
import torch
from ganreg_metrics.pairs import mean_similarity, pairs
from ganreg_metrics.pyramid import by_level, descriptors, patches, pyramid, sliced_wasserstein
from ganreg_metrics.similarity import WEIGHTS, ms_ssim

from ganreg import Batch


def drawn(*size, seed=0):
    return torch.rand(*size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def by_windows(x, y):
    """MS-SSIM of two pictures (H, W) in [-1, 1], window by window, of their intensities in [0, 1]."""
    x, y = (x + 1) / 2, (y + 1) / 2
    line = np.array([exp(-((i - 5) ** 2) / (2 * 1.5**2)) for i in range(11)])
    window = np.outer(line, line) / line.sum() ** 2
    count = sum(min(x.shape) // 2**j >= 11 for j in range(5))
    weights = np.array(WEIGHTS[:count]) / sum(WEIGHTS[:count])
    product = 1.0
    for scale in range(count):
        terms = []
        for i in range(x.shape[0] - 10):
            for j in range(x.shape[1] - 10):
                a, b = x[i : i + 11, j : j + 11], y[i : i + 11, j : j + 11]
                ma, mb = (window * a).sum(), (window * b).sum()
                va, vb = (window * (a - ma) ** 2).sum(), (window * (b - mb) ** 2).sum()
                cov = (window * (a - ma) * (b - mb)).sum()
                term = (2 * cov + 0.03**2) / (va + vb + 0.03**2)
                if scale == count - 1:
                    term *= (2 * ma * mb + 0.01**2) / (ma**2 + mb**2 + 0.01**2)
                terms.append(term)
        product *= max(np.mean(terms), 0) ** weights[scale]
        x, y = (s[: s.shape[0] // 2 * 2, : s.shape[1] // 2 * 2] for s in (x, y))
        x, y = (s.reshape(s.shape[0] // 2, 2, s.shape[1] // 2, 2).mean(axis=(1, 3)) for s in (x, y))
    return product


@pytest.mark.parametrize("size", [(12, 15), (28, 28), (47, 45)])
def test_ms_ssim_is_its_formula(size):
    one = drawn(2, 1, *size)
    other = (one + 0.3 * drawn(2, 1, *size, seed=1)).clamp(-1, 1)
    expected = [by_windows(one[i, 0].double().numpy(), other[i, 0].double().numpy()) for i in range(2)]
    assert 0.1 < expected[0] < 0.99
    np.testing.assert_allclose(ms_ssim(one, other).numpy(), expected, rtol=1e-9)


def test_ms_ssim_of_flat_pictures_compares_their_intensities():
    one, other = torch.tensor([0.0, 0.2, 0.5, 0.4]).double(), torch.tensor([1.0, 0.8, 0.5, 0.6]).double()
    flat = [(2 * side - 1).view(-1, 1, 1, 1).expand(-1, 3, 16, 16) for side in (one, other)]
    expected = (2 * one * other + 1e-4) / (one**2 + other**2 + 1e-4)
    torch.testing.assert_close(ms_ssim(*flat), expected, rtol=1e-9, atol=1e-9)


def test_ms_ssim_of_a_picture_with_itself_is_one_and_too_small_ones_are_refused():
    images = drawn(3, 3, 200, 180)
    torch.testing.assert_close(ms_ssim(images, images), torch.ones(3).double())
    with pytest.raises(ValueError, match="smaller than the window"):
        ms_ssim(images[:, :, :10], images[:, :, :10])


def test_pairs_are_of_one_class_and_no_picture_comes_twice():
    labels = torch.arange(41) % 3
    one, other = pairs(41, labels, seed=0)
    assert torch.equal(labels[one], labels[other])
    assert len(one) >= 19
    both = torch.cat([one, other])
    assert len(both.unique()) == len(both)
    one, other = pairs(41, None, seed=0)
    assert len(torch.cat([one, other]).unique()) == 40
    assert (labels[one] != labels[other]).any()


def test_mean_similarity_of_one_picture_again_and_again_is_one():
    same = drawn(1, 1, 28, 28).repeat(10, 1, 1, 1)
    assert mean_similarity([Batch(same[:4]), Batch(same[4:])]) == pytest.approx(1)
    assert mean_similarity([Batch(drawn(10, 1, 28, 28))]) < 0.3
    with pytest.raises(ValueError, match="no two of the pictures are of one class"):
        mean_similarity([Batch(same[:2], torch.tensor([0, 1]))])


def test_pictures_that_are_compared_leave_their_device_as_they_come():
    told = []

    class Elsewhere(Batch):
        def to(self, device, *, non_blocking=False):
            told.append(f"to {device}")
            return Batch(self.images)

    def batches():
        for seed in range(2):
            told.append("made")
            yield Elsewhere(drawn(2, 1, 28, 28, seed=seed))

    mean_similarity(batches())
    assert told == ["made", "to cpu", "made", "to cpu"]


@pytest.mark.parametrize(
    ("size", "sides"), [((64, 64), [64, 32, 16]), ((28, 28), [28, 14]), ((20, 31), [20]), ((27, 30), [27, 14])]
)
def test_the_pyramid_adds_up_to_the_picture(size, sides):
    images = drawn(2, 3, *size)
    levels = pyramid(images)
    assert [min(level.shape[2:]) for level in levels] == sides
    assert [side for side, _ in descriptors([images], 4, seed=0)] == sides
    flat = torch.full((1, 1, *size), 0.3)
    for level in pyramid(flat)[:-1]:
        # What halving takes away from a flat picture is nothing, up to its edge, where the kernel is cut.
        torch.testing.assert_close(
            level[:, :, 2:-3, 2:-3], torch.zeros_like(level[:, :, 2:-3, 2:-3]), atol=1e-6, rtol=0
        )
    torch.testing.assert_close(pyramid(flat)[-1], torch.full_like(pyramid(flat)[-1], 0.3))


def test_patches_stand_in_the_pictures():
    images = torch.arange(2 * 9 * 11).float().reshape(2, 1, 9, 11)
    found = patches(images, 5, torch.Generator().manual_seed(0))
    assert found.shape == (10, 1, 7, 7)
    for index, patch in enumerate(found[:, 0]):
        place = int(patch[0, 0]) - 99 * (index // 5)
        row, column = divmod(place, 11)
        assert torch.equal(patch, images[index // 5, 0, row : row + 7, column : column + 7])


def test_descriptors_have_mean_0_and_deviation_1_per_channel():
    ((_, found),) = descriptors([drawn(8, 3, 12, 12) * 0.2 + 0.5, drawn(4, 3, 12, 12)], 16, seed=0)
    channels = found.view(-1, 3, 49)
    torch.testing.assert_close(channels.mean(dim=(0, 2)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(channels.std(dim=(0, 2)), torch.ones(3))


@pytest.mark.parametrize("value", [0.3, -0.9, 0.77])
def test_flat_pictures_are_as_alike_as_they_look(value):
    flat = torch.full((64, 1, 28, 28), value)
    assert by_level([flat], [flat], count=16, directions=32) == pytest.approx({28: 0, 14: 0}, abs=0.01)
    faint = flat + 1e-6 * drawn(64, 1, 28, 28)
    assert by_level([flat], [faint], count=16, directions=32) == pytest.approx({28: 0, 14: 0}, abs=1)
    assert by_level([flat], [drawn(64, 1, 28, 28)], count=16, directions=32)[28] > 500


def test_sliced_wasserstein_in_one_dimension_and_of_a_shift():
    one = torch.tensor([[3.0], [1.0], [2.0]])
    assert sliced_wasserstein(one, one.flip(0), 5) == 0
    assert sliced_wasserstein(one, torch.tensor([[1.0], [2.0], [6.0]]), 5) == pytest.approx(1)
    points = drawn(500, 3)
    shift = torch.tensor([0.6, 0.0, 0.8])
    # E|θᵀs| of a unit vector s in three dimensions is 1/2.
    assert sliced_wasserstein(points, points + shift, 20_000) == pytest.approx(0.5, rel=0.02)


def test_by_level_compares_as_many_pictures_of_each_side():
    one, other = drawn(200, 1, 28, 28), drawn(200, 1, 28, 28, seed=1)
    same = by_level([one], [other], count=8, directions=32)
    smooth = by_level([one], [torch.nn.functional.avg_pool2d(other, 5, 1, 2)], count=8, directions=32)
    assert list(same) == [28, 14]
    assert smooth[28] > 2 * same[28]
    with pytest.raises(ValueError, match="not 200 and 20: let both be 20"):
        by_level([one], [other[:20]], count=8, directions=4)
