"""Discriminant analysis against its text-book formulas, with matrices written out: values and gradients."""

import pytest
import torch
from ganreg_discriminant import LinearDiscriminant, QuadraticDiscriminant
from ganreg_discriminant.networks.scatter import ledoit_wolf
from torch.distributions import MultivariateNormal

from ganreg import DiscriminatorOutput

SIZES = [(8, 3), (5, 12)]
"""Pictures of each side and dimensions: more of the first, then of the second."""

LABELS = [0, 1, 2, 0, 1, 2, 0, 1]
EPSILON = 0.01


def shrinkage_of(rows):
    """Ledoit and Wolf's estimate, by loops over pictures."""
    n, d = rows.shape
    s = sum(torch.outer(x, x) for x in rows) / n
    mean = s.trace() / d
    distance = ((s - mean * torch.eye(d).to(s)) ** 2).sum() / d
    error = sum(((torch.outer(x, x) - s) ** 2).sum() / d for x in rows) / n**2
    return min(error, distance) / distance


def scatter(groups, shrinkage):
    """Within and between scatter (D, D) of groups of embeddings, the first one shrunk; and what shrank it."""
    everything = torch.cat(groups)
    n, d = everything.shape
    centred = torch.cat([group - group.mean(0) for group in groups])
    within = sum(torch.outer(x, x) for x in centred) / n
    between = sum(
        len(g) / n * torch.outer(g.mean(0) - everything.mean(0), g.mean(0) - everything.mean(0)) for g in groups
    )
    share = shrinkage_of(centred.detach()) if shrinkage == "ledoit-wolf" else shrinkage
    ridge = (share * within.trace() / d + EPSILON) * torch.eye(d).to(within)
    return (1 - share) * within + ridge, between, share, ridge


def log_eigenvalues(groups, shrinkage):
    """Σ log(1 + v) over the eigenvalues of S⁻¹S_b, symmetric by whitening with the Cholesky factor of S."""
    within, between, *_ = scatter(groups, shrinkage)
    whitening = torch.linalg.inv(torch.linalg.cholesky(within))
    return torch.linalg.eigvalsh(whitening @ between @ whitening.T).log1p().sum()


def by_class(embedding, labels):
    return [embedding[labels == label] for label in labels.unique()]


@pytest.mark.parametrize("shrinkage", ["ledoit-wolf", 0.0, 0.3, 1.0])
@pytest.mark.parametrize(("count", "size"), SIZES)
@pytest.mark.parametrize("labels", [None, LABELS], ids=["sides", "classes"])
def test_linear_discriminator(shrinkage, count, size, labels, pair, assert_same):
    real, fake, r, f = pair(count, size, labels)
    expected = -log_eigenvalues([r, f], shrinkage)
    if labels:
        expected = expected - log_eigenvalues(by_class(r, real.labels), shrinkage)
    loss = LinearDiscriminant(shrinkage=shrinkage, epsilon=EPSILON)
    assert_same(loss.discriminator(real, fake), expected, [r, f])


@pytest.mark.parametrize("shrinkage", ["ledoit-wolf", 0.3])
@pytest.mark.parametrize(("count", "size"), SIZES)
@pytest.mark.parametrize("labels", [None, LABELS], ids=["sides", "classes"])
def test_linear_generator(shrinkage, count, size, labels, pair, assert_same):
    """The posterior of the sides is σ(w·φ + b), that of the classes softmax over Gaussians with their shares."""
    real, fake, r, f = pair(count, size, labels)
    within, *_ = scatter([r.detach(), f.detach()], shrinkage)
    w = torch.linalg.inv(within) @ (r.mean(0) - f.mean(0)).detach()
    b = -w @ (r.mean(0) + f.mean(0)).detach() / 2
    expected = -(f @ w + b).sigmoid().log().mean()
    if labels:
        groups = by_class(r.detach(), real.labels)
        covariance, *_ = scatter(groups, shrinkage)
        densities = [MultivariateNormal(g.mean(0), covariance).log_prob(f).exp() * len(g) / count for g in groups]
        posterior = torch.stack(densities, 1) / sum(densities)[:, None]
        expected = expected - posterior[range(count), fake.labels].log().mean()
    loss = LinearDiscriminant(shrinkage=shrinkage, epsilon=EPSILON)
    assert_same(loss.generator(real, fake), expected, [r, f], 1e-7)


def gaussians(r, f, shrinkage):
    pooled, between, share, ridge = scatter([r, f], shrinkage)
    own = [(1 - share) * sum(torch.outer(x - g.mean(0), x - g.mean(0)) for x in g) / len(g) + ridge for g in (r, f)]
    return pooled + between, *own


@pytest.mark.parametrize("shrinkage", ["ledoit-wolf", 0.3])
@pytest.mark.parametrize(("count", "size"), SIZES)
def test_quadratic(shrinkage, count, size, pair, assert_same):
    real, fake, r, f = pair(count, size)
    loss = QuadraticDiscriminant(shrinkage=shrinkage, epsilon=EPSILON)
    total, of_real, of_fake = gaussians(r, f, shrinkage)
    assert_same(loss.discriminator(real, fake), -(total.logdet() - of_real.logdet() / 2 - of_fake.logdet() / 2), [r, f])
    _, of_real, of_fake = gaussians(r.detach(), f.detach(), shrinkage)
    one, other = (MultivariateNormal(g.detach().mean(0), s).log_prob(f) for g, s in ((r, of_real), (f, of_fake)))
    assert_same(loss.generator(real, fake), -(one - other).sigmoid().log().mean(), [r, f], 1e-7)


def test_of_two_sides_there_is_one_eigenvalue(pair):
    """v = ¼ (μ_r - μ_f)ᵀ S⁻¹ (μ_r - μ_f)."""
    real, fake, r, f = pair(8, 3)
    within, *_ = scatter([r, f], 0.2)
    difference = r.mean(0) - f.mean(0)
    v = difference @ torch.linalg.inv(within) @ difference / 4
    found = LinearDiscriminant(shrinkage=0.2, epsilon=EPSILON).discriminator(real, fake)
    torch.testing.assert_close(found, -v.log1p())


def test_the_generator_moves_along_the_normal_to_the_real_side(pair):
    real, fake, r, f = pair(8, 3)
    LinearDiscriminant(shrinkage=0.2, epsilon=EPSILON).generator(real, fake).backward()
    within, *_ = scatter([r.detach(), f.detach()], 0.2)
    normal = torch.linalg.inv(within) @ (r.mean(0) - f.mean(0)).detach()
    assert r.grad is None
    along = -f.grad @ normal
    assert (along > 0).all()
    torch.testing.assert_close(torch.outer(along / (normal @ normal), normal), -f.grad)


def test_quadratic_analysis_tells_apart_what_differs_in_spread_alone():
    points = torch.randn(64, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    points = torch.cat([points, -points])
    sides = [DiscriminatorOutput(None, embedding=scale * points) for scale in (1, 3)]
    losses = LinearDiscriminant(shrinkage=0.1), QuadraticDiscriminant(shrinkage=0.1)
    linear, quadratic = (loss.discriminator(*sides) for loss in losses)
    assert abs(linear) < 1e-6
    assert quadratic < -1


@pytest.mark.parametrize(("count", "size"), [(8, 3), (5, 12), (1, 4)])
def test_ledoit_and_wolfs_estimate(count, size):
    rows = torch.randn(count, size, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    wanted = shrinkage_of(rows) if count > 1 else 0.0
    assert float(ledoit_wolf(rows)) == pytest.approx(float(wanted), abs=1e-12)


@pytest.mark.parametrize("loss", [LinearDiscriminant(), QuadraticDiscriminant()], ids=lambda loss: loss.name)
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("scale", [0.0, 1e4])
def test_degenerate_batches_are_finite(loss, count, scale):
    """All embeddings alike, or huge, on both sides, and fewer of them than dimensions."""
    r, f = (scale * torch.randn(count, 40, generator=torch.Generator().manual_seed(s)) for s in (0, 1))
    real, fake = (
        DiscriminatorOutput(None, embedding=e.requires_grad_(), labels=torch.zeros(count, dtype=torch.long))
        for e in (r, f)
    )
    total = loss.discriminator(real, fake) + loss.generator(real, fake)
    assert total.dtype == torch.float32
    assert total.isfinite()
    assert all(slope.isfinite().all() for slope in torch.autograd.grad(total, [r, f]))
