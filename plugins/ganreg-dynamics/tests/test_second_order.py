"""Schedules that differentiate gradients: by hand with dense Jacobians, and on the bilinear game."""

import pytest
import torch
from torch import nn

from ganreg import Generator

PLAYERS = ("generator", "discriminator")
RATE, STEPS, ETA = 0.1, 3, 0.2


def flat(tensors):
    return torch.cat([t.reshape(-1) for t in tensors])


def dense(hand, step):
    """ξ and J = ∂ξ/∂ω, row by row."""
    weights = [w for player in PLAYERS for w in hand.weights(player)]
    slopes = []
    for player in PLAYERS:
        slopes += torch.autograd.grad(hand.loss(player, step, step), hand.weights(player), create_graph=True)
    xi = flat(slopes)
    rows = [torch.autograd.grad(x, weights, retain_graph=True, materialize_grads=True) for x in xi]
    return xi.detach(), torch.stack([flat(row) for row in rows])


def move(hand, step):
    """ω ← ω - 0.1·step, of all players."""
    for player in PLAYERS:
        for weight in hand.weights(player):
            head, step = step[: weight.numel()], step[weight.numel() :]
            with torch.no_grad():
                weight -= RATE * head.reshape(weight.shape)


def test_consensus(reference):
    hand = reference({"name": "dynamics/consensus", "weight": 2.0})
    for step in range(STEPS):
        v, jacobian = dense(hand, step)
        move(hand, v + 2.0 * jacobian.T @ v)
    hand.assert_reached(STEPS)


@pytest.mark.parametrize("align", [True, False])
def test_symplectic_gradient_adjustment(reference, align):
    hand = reference({"name": "dynamics/symplectic-gradient-adjustment", "strength": 0.7, "align": align})
    for step in range(STEPS):
        xi, jacobian = dense(hand, step)
        adjustment, uphill = (jacobian - jacobian.T).T @ xi / 2, jacobian.T @ xi
        sign = ((xi @ uphill) * (adjustment @ uphill) / len(xi) + 0.1).sign() if align else 1
        move(hand, xi + 0.7 * sign * adjustment)
    hand.assert_reached(STEPS)


def test_competitive_gradient_descent(reference):
    """G minimizes f = -L_D, whatever its own loss: here that is another one."""
    schedule = {"name": "dynamics/competitive-gradient-descent", "lr": RATE, "iterations": 80, "tolerance": 1e-13}
    hand = reference(schedule)
    for step in range(STEPS):
        x, y = hand.weights("generator"), hand.weights("discriminator")
        f = -hand.loss("discriminator", step, step)
        slopes = flat(torch.autograd.grad(f, [*x, *y], create_graph=True))
        hessian = torch.stack(
            [flat(torch.autograd.grad(s, [*x, *y], retain_graph=True, materialize_grads=True)) for s in slopes]
        )
        n = len(flat(x))
        xy, yx = hessian[:n, n:], hessian[n:, :n]
        fx, fy = slopes[:n].detach(), slopes[n:].detach()
        eye = torch.eye(n, dtype=torch.float64)
        dx = torch.linalg.solve(eye + RATE**2 * xy @ yx, fx + RATE * xy @ fy)
        eye = torch.eye(len(fy), dtype=torch.float64)
        dy = torch.linalg.solve(eye + RATE**2 * yx @ xy, fy - RATE * yx @ fx)
        move(hand, torch.cat([dx, -dy]))
    hand.assert_reached(STEPS)


@pytest.mark.parametrize("whole", [True, False])
def test_unrolled(reference, whole):
    """Backwards through a graph of three steps of D."""
    from torch.func import functional_call
    from torch.nn.functional import softplus

    hand = reference({"name": "dynamics/unrolled", "unrolled_steps": 3, "lr": 0.3, "second_order": whole})
    generator, discriminator = hand.networks["generator"], hand.networks["discriminator"]
    for step in range(STEPS):
        first = 4 * step
        names = [name for name, _ in discriminator.named_parameters()]
        phi = dict(discriminator.named_parameters())

        def judge(phi, images):
            return functional_call(discriminator, phi, (images,))

        for turn in range(3):
            real, fake = hand.match.sources.read(first + turn).images, generator(hand.z("discriminator", step, turn))
            loss = softplus(-judge(phi, real)).mean() + softplus(judge(phi, fake)).mean()
            slopes = torch.autograd.grad(loss, list(phi.values()), create_graph=True)
            phi = {name: phi[name] - 0.3 * slope for name, slope in zip(names, slopes, strict=True)}
        if not whole:
            phi = {name: value.detach() for name, value in phi.items()}
        loss = softplus(-judge(phi, generator(hand.z("generator", step)))).mean()
        gradient = torch.autograd.grad(loss, hand.weights("generator"))
        own = hand.gradient("discriminator", first + 3, step, 3)
        hand.move("generator", gradient)
        hand.move("discriminator", own)
    hand.assert_reached(STEPS)


@pytest.mark.parametrize(
    ("schedule", "factor"),
    [
        ({"name": "dynamics/consensus", "weight": 0.5}, abs(1 - ETA * 0.5 + 1j * ETA)),
        ({"name": "dynamics/symplectic-gradient-adjustment", "strength": 0.5}, abs(1 - ETA * 0.5 + 1j * ETA)),
        ({"name": "dynamics/competitive-gradient-descent", "lr": ETA}, 1 / (1 + ETA**2) ** 0.5),
    ],
)
def test_the_distance_changes_by_one_factor(bilinear, schedule, factor):
    found = bilinear(schedule, steps=60, lr=ETA).norm(dim=1)
    assert factor < 1
    expected = 2**0.5 * factor ** torch.arange(61, dtype=torch.float64)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize("steps", [1, 5])
def test_unrolling_converges(bilinear, steps):
    """x ← x - η(y + 2Kηx), y ← y + ηx: the whole derivative counts D's answer twice."""
    schedule = {"name": "dynamics/unrolled", "unrolled_steps": steps, "lr": ETA}
    way = bilinear(schedule, steps=60, lr=ETA)
    matrix = torch.tensor([[1 - 2 * steps * ETA**2, -ETA], [ETA, 1]], dtype=torch.float64)
    torch.testing.assert_close(way[1:], way[:-1] @ matrix.T, rtol=1e-9, atol=1e-12)
    assert torch.linalg.eigvals(matrix).abs().max() < 1


class ComplexNetwork(nn.Module):
    """Frequencies of the picture from z, by complex weights, or by real ones that stand for them."""

    def __init__(self, task, pairs_as_complex):
        super().__init__()
        numbers = torch.Generator().manual_seed(3)
        pairs = torch.randn(task.latent, 4, 2, generator=numbers, dtype=torch.float64)
        self.weight = nn.Parameter(torch.view_as_complex(pairs) if pairs_as_complex else pairs)

    def forward(self, z, labels=None):
        weight = self.weight if self.weight.is_complex() else torch.view_as_complex(self.weight)
        return torch.fft.ifft2((z.to(weight.dtype) @ weight).view(-1, 1, 2, 2)).real.tanh()


class Frequencies(Generator, name="frequencies"):
    """One layer in the frequencies."""

    complex: bool

    def build(self, task):
        return ComplexNetwork(task, self.complex)


@pytest.mark.parametrize(
    "schedule", ["consensus", "symplectic-gradient-adjustment", "competitive-gradient-descent", "unrolled"]
)
def test_complex_weights_move_as_their_pairs_of_reals_do(make_match, schedule):
    reached = []
    for way in (True, False):
        match = make_match(generator=Frequencies(complex=way), schedule=f"dynamics/{schedule}")
        before = match.networks["generator"].weight.detach().clone()
        for _ in range(STEPS):
            match.step()
        weight = match.networks["generator"].weight.detach()
        assert not torch.equal(weight, before)
        reached.append(torch.view_as_real(weight) if way else weight)
    torch.testing.assert_close(*reached, rtol=1e-12, atol=1e-14)
