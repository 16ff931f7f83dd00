"""Each figure against its formula, written once more in numpy with loops and matrix roots."""

import math

import numpy as np
import pytest
import torch
from ganreg_metrics import distances
from ganreg_metrics.distances import Moments, frechet, inception_score, kernel_distance, polynomial_mmd, prdc
from ganreg_metrics.neighbours import among_real


def test_frechet_of_gaussians_whose_covariances_commute():
    one = Moments(torch.tensor([1.0, 2.0]).double(), torch.diag(torch.tensor([4.0, 9.0]).double()))
    other = Moments(torch.tensor([0.0, 0.0]).double(), torch.diag(torch.tensor([1.0, 16.0]).double()))
    assert frechet(one, other) == pytest.approx(1 + 4 + (2 - 1) ** 2 + (3 - 4) ** 2, rel=1e-12)
    assert frechet(one, one) == pytest.approx(0, abs=1e-12)


def test_frechet_is_its_formula(sides):
    one, other = (side.double().numpy() for side in sides)
    product = np.cov(one, rowvar=False) @ np.cov(other, rowvar=False)
    values, vectors = np.linalg.eig(product)
    root = (vectors * np.sqrt(values)) @ np.linalg.inv(vectors)
    np.testing.assert_allclose(root @ root, product, rtol=1e-9, atol=1e-9)
    shift = one.mean(axis=0) - other.mean(axis=0)
    expected = shift @ shift + np.trace(np.cov(one, rowvar=False) + np.cov(other, rowvar=False) - 2 * root)
    assert frechet(*map(Moments.of, sides)) == pytest.approx(expected, rel=1e-10)


def test_frechet_of_fewer_pictures_than_features():
    numbers = torch.Generator().manual_seed(1)
    values = torch.randn(20, 300, generator=numbers)
    few = Moments.of(values)
    assert frechet(few, few) == pytest.approx(0, abs=1e-6 * few.covariance.trace().item())
    moved = Moments.of(values + 2)
    assert frechet(few, moved) == pytest.approx(4 * 300, rel=1e-6)


def test_frechet_is_never_below_zero():
    numbers = torch.Generator().manual_seed(4)
    same = [Moments.of(torch.randn(200, 12, generator=numbers)) for _ in range(20)]
    assert min(frechet(one, one) for one in same) >= 0


def test_moments_do_not_cancel_far_from_the_origin(sides):
    near, far = Moments.of(sides[0].double()), Moments.of(sides[0].double() + 1e6)
    torch.testing.assert_close(far.covariance, near.covariance, rtol=1e-7, atol=1e-7)


def test_polynomial_mmd_is_its_formula(sides):
    x, y = (side[:30].double().numpy() for side in sides)
    m, dimensions = x.shape

    def k(a, b):
        return (a @ b / dimensions + 1) ** 3

    among = sum(k(side[i], side[j]) for side in (x, y) for i in range(m) for j in range(m) if i != j)
    between = sum(k(a, b) for a in x for b in y)
    expected = among / (m * (m - 1)) - 2 * between / m**2
    assert polynomial_mmd(*map(torch.from_numpy, (x, y))) == pytest.approx(expected, rel=1e-10)


def test_kernel_distance_of_one_distribution_is_zero_within_its_error():
    numbers = torch.Generator().manual_seed(5)
    scores = []
    for _ in range(40):
        one, other = torch.randn(2, 400, 6, generator=numbers)
        mean, error = kernel_distance(one, other, subsets=20, size=100)
        scores.append(mean / error)
    assert abs(np.mean(scores)) < 0.6
    assert 0.5 < np.std(scores) < 2  # a standard error that divides by all 20 overlapping subsets gives above 2


@pytest.mark.parametrize("size", [40, 200])
def test_the_error_is_how_far_fresh_generated_pictures_scatter(size):
    numbers = torch.Generator().manual_seed(3)
    real = torch.randn(400, 6, generator=numbers)
    found = [
        kernel_distance(torch.randn(400, 6, generator=numbers) * 1.2 + 0.5, real, subsets=20, size=size)
        for _ in range(60)
    ]
    means, errors = zip(*found, strict=True)
    # The real pictures, which stay the same here, have their share in the error.
    assert 0.9 < np.mean(errors) / np.std(means, ddof=1) < 1.6


def test_a_subset_is_no_more_than_half_of_the_pictures(sides):
    one, other = sides[0][:300], sides[1]
    assert kernel_distance(one, other, subsets=3, size=150)[1] > 0
    with pytest.raises(ValueError, match="a subset of 151 pictures is more than half of 300: let size be 150 at most"):
        kernel_distance(one, other, subsets=3, size=151)


def test_the_error_of_few_subsets_is_theirs_too(monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter([0.0, 2.0])
    monkeypatch.setattr(distances, "polynomial_mmd", lambda one, other: next(found))
    mean, error = kernel_distance(torch.zeros(400, 2), torch.zeros(500, 2), subsets=2, size=4)
    assert (mean, error) == pytest.approx((1, (2 * (4 / 396 + 1 / 2)) ** 0.5))


def test_inception_score_by_hand():
    sure = torch.tensor([[0.0, -1e3], [-1e3, 0.0]] * 4).double()
    assert inception_score(sure, 2) == pytest.approx((2, 0))
    nobody = torch.full((8, 1), -1e3)
    assert inception_score(torch.cat([sure, nobody], dim=1), 2) == pytest.approx((2, 0)), "a class of none"
    assert inception_score(torch.zeros(8, 5), 4) == pytest.approx((1, 0))
    p = np.array([[0.7, 0.3], [0.2, 0.8]])
    expected = math.exp((p * np.log(p / p.mean(axis=0))).sum(axis=1).mean())
    assert inception_score(torch.from_numpy(np.log(p)), 1)[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "values",
    [
        lambda sides: [side[:60].double() for side in sides],
        lambda sides: [(side[:60, :6].sigmoid() * 4).round() / 4 for side in sides],
        lambda sides: [0.125 * (side[:60, :8] > 0).float() + 7 for side in sides],
        lambda sides: [torch.cat([sides[0][:30]] * 2), torch.cat([sides[0][:20], sides[1][:20], sides[1][:20]])],
    ],
    ids=["continuous", "rounded", "binary", "copies"],
)
def test_prdc_is_its_definition(sides, values, monkeypatch):
    """Of values that repeat, too: the k-th neighbour lies on the ball, whichever side it is seen from."""
    fake, real = (side.double().numpy() for side in values(sides))
    k = 3

    def radii(side):
        return [sorted(np.linalg.norm(side - x, axis=1))[k] for x in side]

    of_real, of_fake = radii(real), radii(fake)
    near = np.array([np.linalg.norm(real - f, axis=1) for f in fake])
    expected = {
        "precision": np.mean([any(near[i] <= of_real) for i in range(60)]),
        "recall": np.mean([any(near[:, j] <= of_fake) for j in range(60)]),
        "density": (near <= of_real).sum() / (k * 60),
        "coverage": np.mean([any(near[:, j] <= of_real[j]) for j in range(60)]),
    }
    assert 0 < expected["density"] < 20
    assert prdc(*map(torch.from_numpy, (fake, real)), k) == pytest.approx(expected)
    monkeypatch.setattr(distances, "ENTRIES", 100)  # a row at a time
    assert prdc(*map(torch.from_numpy, (fake, real)), k) == pytest.approx(expected)


def test_prdc_of_the_same_pictures_is_perfect_and_of_far_ones_nothing(sides):
    real = sides[1]
    assert prdc(real, real, 5) == pytest.approx({"precision": 1, "recall": 1, "density": 1, "coverage": 1}, abs=0.3)
    assert set(prdc(real + 1e3, real, 5).values()) == {0}
    with pytest.raises(ValueError, match="5 pictures have no neighbour number 5: let neighbours be 4 at most"):
        prdc(real[:5], real, 5)


def test_neighbours_tell_copies_from_unseen_pictures():
    numbers = torch.Generator().manual_seed(2)
    real, unseen = torch.randn(2, 2000, 4, generator=numbers)
    figures, indices = among_real(real[:100], real, 3)
    assert figures == pytest.approx({"neighbours/closer": 1, "neighbours/distance": 0}, abs=1e-5)
    assert indices[:, 0].tolist() == list(range(100))
    figures, _ = among_real(real, torch.cat([real, real]), 3)
    assert figures == {"neighbours/closer": 1, "neighbours/distance": 0}, "also where the real ones have copies"
    figures, _ = among_real(unseen, real, 3)
    assert figures == pytest.approx({"neighbours/closer": 0.5, "neighbours/distance": 1}, abs=0.05)
    figures, _ = among_real(unseen * 4, real, 3)
    assert figures["neighbours/closer"] < 0.2
    assert figures["neighbours/distance"] > 3
