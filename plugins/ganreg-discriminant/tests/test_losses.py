"""Losses against their papers' formulas, written out by hand in float64: values and gradients."""

import math

import pytest
import torch
from ganreg_discriminant import (
    CovarianceMatching,
    Cramer,
    Hyperplane,
    MaximumMeanDiscrepancy,
    MeanMatching,
    Sliced,
    Sphere,
)
from ganreg_discriminant.networks.margin import hyperplane

from ganreg import DiscriminatorOutput, component

COUNTS = pytest.mark.parametrize(("count", "size"), [(6, 3), (4, 9)])


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def length(x):
    return (x * x).sum().sqrt()


NORMS = {"l1": lambda x: sum(abs(y) for y in x), "l2": length, "max": lambda x: max(abs(y) for y in x)}


@COUNTS
@pytest.mark.parametrize("norm", NORMS)
def test_mcgan_mean(norm, count, size, pair, assert_same):
    real, fake, r, f = pair(count, size)
    expected = NORMS[norm](mean(r) - mean(f))
    loss = MeanMatching(norm=norm)
    assert_same(loss.discriminator(real, fake), -expected, [r, f])
    assert_same(loss.generator(real, fake), expected, [r, f])


@COUNTS
@pytest.mark.parametrize("components", [1, 2, 16])
def test_mcgan_covariance(components, count, size, pair, assert_same):
    """The sum of the largest singular values of the difference (D, D) of second moments."""
    real, fake, r, f = pair(count, size)
    difference = mean(torch.outer(x, x) for x in r) - mean(torch.outer(x, x) for x in f)
    expected = torch.linalg.svdvals(difference)[:components].sum()
    loss = CovarianceMatching(components=components)
    assert_same(loss.discriminator(real, fake), -expected, [r, f])
    assert_same(loss.generator(real, fake), expected, [r, f])


def rbf(x, y, scales=(1, 2, 4, 8, 16)):
    return sum((-((x - y) ** 2).sum() / (2 * s * s)).exp() for s in scales)


def rq(x, y, scales=(0.2, 0.5, 1, 2, 5)):
    return sum((1 + ((x - y) ** 2).sum() / (2 * a)) ** (-a) for a in scales)


def mmd(r, f, kernel, biased):
    def within(points):
        return mean(kernel(x, y) for i, x in enumerate(points) for j, y in enumerate(points) if biased or i != j)

    return within(r) + within(f) - 2 * mean(kernel(x, y) for x in r for y in f)


@COUNTS
@pytest.mark.parametrize("estimator", ["unbiased", "biased"])
@pytest.mark.parametrize("kernel", ["rbf", "rq"])
def test_mmd(kernel, estimator, count, size, pair, assert_same):
    real, fake, r, f = pair(count, size)
    expected = mmd(r, f, {"rbf": rbf, "rq": rq}[kernel], estimator == "biased")
    loss = MaximumMeanDiscrepancy(kernel=kernel, estimator=estimator)
    assert_same(loss.discriminator(real, fake), -expected, [r, f])
    assert_same(loss.generator(real, fake), expected, [r, f])


def test_mmd_of_other_scales(pair, assert_same):
    real, fake, r, f = pair(5, 3)
    expected = mmd(r, f, lambda x, y: rbf(x, y, (0.5, 3)), False)
    assert_same(MaximumMeanDiscrepancy(scales=(0.5, 3)).generator(real, fake), expected, [r, f])


@COUNTS
def test_cramer(count, size, pair, assert_same):
    real, fake, r, f = pair(count, size)
    among = mean(length(x - y) for i, x in enumerate(f) for j, y in enumerate(f) if i != j)
    between = mean(length(x - y) for x in r for y in f)
    critic_real = between - mean(length(x) for x in r)
    critic_fake = among - mean(length(x) for x in f)
    assert_same(Cramer().discriminator(real, fake), critic_fake - critic_real, [r, f])
    assert_same(Cramer().generator(real, fake), 2 * between - among, [r, f])


@COUNTS
@pytest.mark.parametrize("moments", [1, 3])
def test_sphere(moments, count, size, pair, assert_same):
    """The angle between (0, …, 0, 1) and the point (2φ, ‖φ‖² - 1) / (‖φ‖² + 1)."""

    def distance(x):
        squares = (x * x).sum()
        point = torch.cat([2 * x, (squares - 1)[None]]) / (squares + 1)
        torch.testing.assert_close(length(point), torch.ones_like(squares))
        return point[-1].arccos()

    real, fake, r, f = pair(count, size)
    of_real, of_fake = (sum(mean(distance(x) ** m for x in side) for m in range(1, moments + 1)) for side in (r, f))
    loss = Sphere(moments=moments)
    assert_same(loss.discriminator(real, fake), of_fake - of_real, [r, f])
    assert_same(loss.generator(None, fake), -of_fake, [f])


def test_the_sphere_is_finite_at_its_poles():
    for scale in (0.0, 1e6):
        points = (scale * torch.ones(3, 4)).requires_grad_()
        value = Sphere().generator(None, DiscriminatorOutput(None, embedding=points))
        (slope,) = torch.autograd.grad(value, points)
        assert value.isfinite()
        assert slope.isfinite().all()
    assert Sphere(moments=1).generator(None, DiscriminatorOutput(None, embedding=torch.zeros(1, 2))) == -math.pi


def machine(points, sides, cost, sweeps):
    """The support vector machine by coordinate ascent in the dual: α_i ← clip(α_i + (1 - s_i·s(x_i))/k(x_i, x_i))."""
    points = torch.cat([points, torch.ones(len(points), 1).to(points)], dim=1)
    shares = torch.zeros_like(sides)
    w = torch.zeros_like(points[0])
    for _ in range(sweeps):
        for i, (x, s) in enumerate(zip(points, sides, strict=True)):
            moved = (shares[i] + (1 - s * (w @ x)) / (x @ x)).clamp(0, cost / len(points))
            w = w + (moved - shares[i]) * s * x
            shares[i] = moved
    return w[:-1], w[-1]


@COUNTS
@pytest.mark.parametrize("cost", [1.0, 10.0])
def test_hyperplane(cost, count, size, pair, assert_same):
    real, fake, r, f = pair(count, size)
    points = torch.cat([r, f]).detach()
    centre = mean(points)
    unit = mean(((x - centre) ** 2).sum() for x in points).sqrt()
    sides = torch.tensor([1.0] * count + [-1.0] * count, dtype=torch.float64)
    w, b = machine((points - centre) / unit, sides, cost, 150)

    def score(x):
        return w @ (x - centre) / unit + b

    loss = Hyperplane(cost=cost, iterations=2000)
    expected = mean((1 - score(x)).clamp(min=0) for x in r) + mean((1 + score(x)).clamp(min=0) for x in f)
    found = loss.discriminator(real, fake)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert_same(loss.generator(real, fake), -mean(score(x) for x in f), [r, f], 1e-5)
    assert all((torch.autograd.grad(found, r, retain_graph=True)[0] @ w) <= 1e-9)


def test_the_margin_is_the_largest():
    """Of two points it is the distance; all but the support vectors are without influence."""
    points = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [9.0, 5.0], [-7.0, 8.0]], dtype=torch.float64)
    sides = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
    w, b = hyperplane(points, sides, 1e3, 2000)
    torch.testing.assert_close(w, torch.tensor([0.5, 0.0], dtype=torch.float64), atol=1e-4, rtol=0)
    assert abs(b) < 1e-4


def test_a_hundred_steps_come_close():
    """The gap between primal and dual is below a hundredth of the primal for as many pictures as batches have."""
    numbers = torch.Generator().manual_seed(0)
    points = torch.randn(128, 300, generator=numbers, dtype=torch.float64) / 300**0.5
    sides = torch.ones(128, dtype=torch.float64)
    sides[64:] = -1
    points[:64, 0] += 1
    values = []
    for iterations in (100, 5000):
        w, b = hyperplane(points, sides, 10.0, iterations)
        values.append((w @ w + b * b) / 2 + 10 * (1 - sides * (points @ w + b)).relu().mean())
    assert values[0] < 1.01 * values[1]


@pytest.mark.parametrize("base", ["hinge", "non-saturating"])
def test_sliced(base, assert_same):
    """The base's of the logits, and Wasserstein's of the direction, for the discriminator alone."""
    numbers = torch.Generator().manual_seed(0)
    r, f, along_r, along_f = (torch.randn(5, generator=numbers, dtype=torch.float64).requires_grad_() for _ in range(4))
    real, fake = (DiscriminatorOutput(x, extra={"direction": y}) for x, y in ((r, along_r), (f, along_f)))
    loss = component("loss", "discriminant/sliced", base=f"proofs/tiny-{base}")
    assert isinstance(loss, Sliced)
    if base == "hinge":
        expected = mean((1 - x).clamp(min=0) for x in r) + mean((1 + x).clamp(min=0) for x in f)
        generator = -mean(f)
    else:
        expected = mean((1 + (-x).exp()).log() for x in r) + mean((1 + x.exp()).log() for x in f)
        generator = mean((1 + (-x).exp()).log() for x in f)
    assert_same(loss.discriminator(real, fake), expected - mean(along_r) + mean(along_f), [r, f, along_r, along_f])
    assert_same(loss.generator(None, fake), generator, [f, along_f])


@pytest.mark.parametrize(
    "loss",
    [MeanMatching(), CovarianceMatching(), MaximumMeanDiscrepancy(), Cramer(), Hyperplane(), Sphere()],
    ids=lambda loss: loss.name,
)
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("scale", [0.0, 1e4])
def test_degenerate_batches_are_finite(loss, count, scale):
    sides = [
        (scale * torch.randn(count, 20, generator=torch.Generator().manual_seed(s))).requires_grad_() for s in (0, 1)
    ]
    real, fake = (DiscriminatorOutput(None, embedding=side) for side in sides)
    total = loss.discriminator(real, fake) + 2 * loss.generator(real, fake)
    assert total.isfinite()
    assert all(slope.isfinite().all() for slope in torch.autograd.grad(total, sides))


@pytest.mark.parametrize("loss", [MaximumMeanDiscrepancy(), MaximumMeanDiscrepancy(kernel="rq"), Cramer()], ids=str)
def test_distances_can_be_differentiated_twice(loss, pair):
    """As schedules that play with gradients do."""
    _, _, r, f = pair(4, 3)

    def losses(r, f):
        real, fake = (DiscriminatorOutput(logits=e.sum(dim=1), embedding=e) for e in (r, f))
        return loss.discriminator(real, fake), loss.generator(real, fake)

    assert torch.autograd.gradgradcheck(losses, (r, f))
