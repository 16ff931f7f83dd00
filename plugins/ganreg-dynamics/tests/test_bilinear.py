"""min over x, max over y of xy: from (1, 1), each method spirals at the rate that its paper's analysis gives it.

An update is linear here, ω ← M ω, and where both players move at once M is a complex number μ on x + iy: the distance
from the equilibrium is multiplied by |μ| in each step, exactly.
"""

import pytest
import torch

SIMULTANEOUS, ALTERNATING = "proofs/tiny-simultaneous", "proofs/tiny-alternating"
ETA = 0.2


def distances(way):
    return way.norm(dim=1)


def rate(matrix):
    """The spectral radius."""
    return torch.linalg.eigvals(torch.tensor(matrix, dtype=torch.float64)).abs().max().item()


@pytest.mark.parametrize(
    ("schedule", "factor"),
    [
        (SIMULTANEOUS, abs(1 + 1j * ETA)),
        ("dynamics/extragradient", abs(1 - ETA**2 + 1j * ETA)),
    ],
)
def test_the_distance_changes_by_one_factor(bilinear, schedule, factor):
    """Simultaneous descent diverges by √(1 + η²); extragradient converges by √(1 - η² + η⁴)."""
    found = distances(bilinear(schedule, steps=50, lr=ETA))
    expected = 2**0.5 * factor ** torch.arange(51, dtype=torch.float64)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=0)


def test_alternating_descent_circles(bilinear):
    """x² + y² - ηxy stays what it was (up to orientation), so the distance stays within fixed bounds."""
    x, y = bilinear(ALTERNATING, steps=200, lr=ETA).T
    invariant = x**2 + y**2 + ETA * x * y
    other = x**2 + y**2 - ETA * x * y
    spread = min((v.max() - v.min()).item() for v in (invariant, other))
    assert spread < 1e-9
    bounds = 2 * (1 + ETA / 2) / (1 - ETA / 2)
    assert (x**2 + y**2).max() < bounds + 1e-9
    assert (x**2 + y**2).min() > 2 * (1 - ETA / 2) / (1 + ETA / 2) - 1e-9


@pytest.mark.parametrize(
    ("schedule", "optimizer"),
    [("dynamics/past-extragradient", "proofs/tiny-sgd"), (SIMULTANEOUS, "dynamics/optimistic-gradient-descent")],
)
def test_the_past_and_optimism_converge_alike(bilinear, schedule, optimizer):
    """The roots of μ² = (1 + 2iη)μ - iη; below 1 for η < 1/√3."""
    found = distances(bilinear(schedule, steps=80, lr=ETA, optimizer=optimizer))
    root = rate([[1, -2 * ETA, 0, ETA], [2 * ETA, 1, -ETA, 0], [1, 0, 0, 0], [0, 1, 0, 0]])
    assert root < 1
    assert (found[-1] / found[40]).item() ** (1 / 40) == pytest.approx(root, abs=1e-9)


def test_past_extragradient_is_optimistic_descent(bilinear):
    """ω' of the one walks as ω of the other: both go to 0, and stay close."""
    past = bilinear("dynamics/past-extragradient", lr=ETA)
    optimistic = bilinear(SIMULTANEOUS, lr=ETA, optimizer="dynamics/optimistic-gradient-descent")
    assert (past - optimistic).norm(dim=1)[-1] < past.norm(dim=1)[0] / 3


@pytest.mark.parametrize("momentum", [-0.25, -0.5, -0.75])
def test_negative_momentum_converges_where_updates_alternate(bilinear, momentum):
    """D moves first: (x, y) and their last displacements are multiplied by one matrix."""
    settings = {"name": "dynamics/negative-momentum", "lr": ETA, "momentum": momentum}
    found = bilinear(ALTERNATING, steps=60, optimizers=dict.fromkeys(("generator", "discriminator"), settings))
    dy = torch.tensor([ETA, 0, 0, momentum], dtype=torch.float64)
    y = torch.tensor([0, 1, 0, 0], dtype=torch.float64) + dy
    dx = torch.tensor([0, 0, momentum, 0], dtype=torch.float64) - ETA * y
    x = torch.tensor([1, 0, 0, 0], dtype=torch.float64) + dx
    matrix = torch.stack([x, y, dx, dy])
    state = torch.tensor([1, 1, 0, 0], dtype=torch.float64)
    for point in found:
        torch.testing.assert_close(point, state[:2], rtol=1e-9, atol=1e-12)
        state = matrix @ state
    root = rate(matrix.tolist())
    assert root < 1
    if momentum == -0.5:
        assert root**2 <= max(0.5, 1 - ETA**2 / 16)  # the theorem's bound, of squared distances


def test_negative_momentum_does_not_converge_where_all_move_at_once(bilinear):
    found = distances(bilinear(SIMULTANEOUS, steps=100, lr=ETA, optimizer="dynamics/negative-momentum"))
    assert found[-1] > found[0]


@pytest.mark.parametrize(("interval", "alpha"), [(5, 0.5), (10, 0.3)])
def test_lookahead_converges_around_a_base_that_diverges(bilinear, interval, alpha):
    """In k steps the distance is multiplied by |1 - α + α(1 + iη)ᵏ|."""
    schedule = {"name": "dynamics/lookahead-minmax", "base": SIMULTANEOUS, "interval": interval, "rate": alpha}
    found = distances(bilinear(schedule, lr=ETA))[::interval]
    factor = abs(1 - alpha + alpha * (1 + 1j * ETA) ** interval)
    assert factor < 1
    expected = 2**0.5 * factor ** torch.arange(len(found), dtype=torch.float64)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=0)


def test_prediction_converges(bilinear):
    """x⁺ = x - ηy, y⁺ = y + η(x⁺ - ηy)."""
    way = bilinear("dynamics/prediction", steps=120, lr=ETA)
    matrix = torch.tensor([[1, -ETA], [ETA, 1 - 2 * ETA**2]], dtype=torch.float64)
    torch.testing.assert_close(way[1:], way[:-1] @ matrix.T, rtol=1e-9, atol=1e-12)
    assert rate(matrix.tolist()) < 1
    assert distances(way)[-1] < 0.2


def test_optimistic_adam_ends_nearer_than_adam(bilinear):
    """A step of Adam has a fixed length, so both end on a circle; without momentum the optimistic one's is smaller."""

    def end(name):
        settings = {"name": name, "lr": 0.05, "betas": (0.0, 0.9)}
        optimizers = dict.fromkeys(("generator", "discriminator"), settings)
        return distances(bilinear(SIMULTANEOUS, steps=200, optimizers=optimizers))[-50:].max()

    assert end("dynamics/optimistic-adam") < end("proofs/tiny-adam") / 2
