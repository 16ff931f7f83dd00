"""f-GAN's table: activations and conjugates as printed, and conjugates against the divergences that they belong to."""

from math import e, log
from typing import get_args

import numpy
import pytest
import torch
from ganreg_losses import FGAN
from ganreg_losses.f_gan import Divergence
from pydantic import ValidationError

from ganreg import DiscriminatorOutput
from ganreg.testing import cases

exp = torch.exp


def lambert(x):
    """W(x) > 0 by bisection; its derivative is W / (x (1 + W))."""
    low, high = torch.zeros_like(x).detach(), x.detach().clone()
    for _ in range(200):
        middle = (low + high) / 2
        too_small = middle * exp(middle) < x.detach()
        low, high = torch.where(too_small, middle, low), torch.where(too_small, high, middle)
    return low + (x - x.detach()) * low / (x.detach() * (1 + low))


def jeffrey(t):
    w = lambert(exp(1 - t))
    return w + 1 / w + t - 2


def alpha(a):
    def conjugate(t):
        return ((t * (a - 1) + 1) ** (a / (a - 1))) / a - 1 / a

    return (lambda v: 1 / (1 - a) - torch.log(1 + exp(-v))) if a < 1 else (lambda v: v), conjugate


def weighted(pi):
    def conjugate(t):
        return (1 - pi) * torch.log((1 - pi) / (1 - pi * exp(t / pi)))

    return lambda v: -pi * log(pi) - torch.log(1 + exp(-v)), conjugate


# (divergence, parameter): output activation and conjugate of the paper's table 6.
TABLE = {
    ("total-variation", 0.5): (lambda v: torch.tanh(v) / 2, lambda t: t),
    ("kullback-leibler", 0.5): (lambda v: v, lambda t: exp(t - 1)),
    ("reverse-kl", 0.5): (lambda v: -exp(-v), lambda t: -1 - torch.log(-t)),
    ("pearson", 0.5): (lambda v: v, lambda t: t * t / 4 + t),
    ("neyman", 0.5): (lambda v: 1 - exp(-v), lambda t: 2 - 2 * torch.sqrt(1 - t)),
    ("squared-hellinger", 0.5): (lambda v: 1 - exp(-v), lambda t: t / (1 - t)),
    ("jeffrey", 0.5): (lambda v: v, jeffrey),
    ("jensen-shannon", 0.5): (lambda v: log(2) - torch.log(1 + exp(-v)), lambda t: -torch.log(2 - exp(t))),
    ("jensen-shannon-weighted", 0.3): weighted(0.3),
    ("gan", 0.5): (lambda v: -torch.log(1 + exp(-v)), lambda t: -torch.log(1 - exp(t))),
    ("alpha", 0.5): alpha(0.5),
    ("alpha", -1.5): alpha(-1.5),
    ("alpha", 3.0): alpha(3.0),
}
ROWS = pytest.mark.parametrize("row", TABLE, ids=str)


def xlogx(u):
    return u * numpy.log(u)


# The generator functions f(u) of table 5, which define the divergences.
GENERATORS = {
    "total-variation": lambda u, p: numpy.abs(u - 1) / 2,
    "kullback-leibler": lambda u, p: xlogx(u),
    "reverse-kl": lambda u, p: -numpy.log(u),
    "pearson": lambda u, p: (u - 1) ** 2,
    "neyman": lambda u, p: (1 - u) ** 2 / u,
    "squared-hellinger": lambda u, p: (numpy.sqrt(u) - 1) ** 2,
    "jeffrey": lambda u, p: (u - 1) * numpy.log(u),
    "jensen-shannon": lambda u, p: -(u + 1) * numpy.log((1 + u) / 2) + xlogx(u),
    "jensen-shannon-weighted": lambda u, p: p * xlogx(u) - xlogx(1 - p + p * u),
    "gan": lambda u, p: xlogx(u) - xlogx(u + 1),
    "alpha": lambda u, p: (u**p - 1 - p * (u - 1)) / (p * (p - 1)),
}


def logits(seed):
    numbers = torch.Generator().manual_seed(seed)
    values = 1.5 * torch.randn(2, 1, 3, 2, generator=numbers, dtype=torch.float64)
    # Beyond it the conjugate of α > 1 is constant, which the table leaves out.
    return values.clamp(min=-0.45).requires_grad_() if seed else values.abs().requires_grad_()


def assert_same(value, expected, inputs):
    torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(torch.autograd.grad(value, inputs), torch.autograd.grad(expected, inputs))


def test_every_divergence_is_held_against_its_row():
    assert {name for name, _ in TABLE} == set(get_args(Divergence)) == set(GENERATORS)


@ROWS
@pytest.mark.parametrize("seed", range(3))
def test_both_players_minimize_what_the_table_says(row, seed):
    activation, conjugate = TABLE[row]
    divergence, parameter = row
    real, fake = logits(seed), logits(seed + 10)
    outputs = DiscriminatorOutput(real), DiscriminatorOutput(fake)
    trick = FGAN(divergence=divergence, parameter=parameter)
    bound = activation(real).mean() - conjugate(activation(fake)).mean()
    assert_same(trick.discriminator(*outputs), -bound, (real, fake))
    assert_same(trick.generator(None, outputs[1]), -activation(fake).mean(), (fake,))
    saturating = FGAN(divergence=divergence, parameter=parameter, saturating=True)
    assert_same(saturating.generator(None, outputs[1]), -conjugate(activation(fake)).mean(), (fake,))


@ROWS
def test_the_conjugate_is_that_of_the_divergence(row):
    """f*(t) = sup over u of ut - f(u), on a fine grid of u."""
    divergence, parameter = row
    loss = FGAN(divergence=divergence, parameter=parameter, saturating=True)
    u = numpy.exp(numpy.linspace(-14, 14, 400_001))
    for v in (-1.0, -0.4, 0.3, 1.1):
        logit = torch.tensor([v], dtype=torch.float64)
        t = -FGAN(divergence=divergence, parameter=parameter).generator(None, DiscriminatorOutput(logit)).item()
        found = -loss.generator(None, DiscriminatorOutput(logit)).item()
        assert found == pytest.approx((u * t - GENERATORS[divergence](u, parameter)).max(), abs=1e-4)


@pytest.mark.parametrize("divergence", ["total-variation", "pearson", "jensen-shannon", "gan"])
def test_these_stay_finite_for_huge_logits(divergence):
    for size in (-1e4, 1e4):
        real, fake = (torch.full((3,), size, requires_grad=True) for _ in range(2))
        loss = FGAN(divergence=divergence)
        total = loss.discriminator(DiscriminatorOutput(real), DiscriminatorOutput(fake))
        total = total + loss.generator(None, DiscriminatorOutput(fake))
        assert total.isfinite()
        assert all(g.isfinite().all() for g in torch.autograd.grad(total, (real, fake)))


# (divergence, parameter): the conjugate for large v, and its derivative there.
FAR = {
    ("jensen-shannon-weighted", 0.5): (lambda v: (v + 2 * log(0.5)) / 2, lambda v: 0.5),
    ("jensen-shannon-weighted", 0.3): (lambda v: 0.7 * (v + log(0.3 * 0.7)), lambda v: 0.7),
    ("alpha", -0.75): (lambda v: (1 - (1.75 / e**v) ** (3 / 7)) * 4 / 3, lambda v: 4 / 7 * (1.75 / e**v) ** (3 / 7)),
    ("alpha", 0.25): (lambda v: 4 * ((0.75 / e**v) ** (-1 / 3) - 1), lambda v: 4 / 3 * (0.75 / e**v) ** (-1 / 3)),
    ("jeffrey", 0.5): (lambda v: e ** (v - 1) + v - 2, lambda v: e ** (v - 1) + 1),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("row", FAR, ids=str)
def test_a_conjugate_overflows_no_sooner_than_its_value(row, dtype):
    value, slope = FAR[row]
    divergence, parameter = row
    loss = FGAN(divergence=divergence, parameter=parameter, saturating=True)
    for v in (40.0, 85.0, 89.5) + (() if divergence == "jeffrey" else (104.0, 200.0)):
        logit = torch.tensor([v], dtype=dtype, requires_grad=True)
        found = -loss.generator(None, DiscriminatorOutput(logit))
        assert found.item() == pytest.approx(value(v), rel=2e-5)
        assert torch.autograd.grad(found, logit)[0].item() == pytest.approx(slope(v), rel=2e-5)


@pytest.mark.parametrize("row", FAR, ids=str)
def test_where_a_form_takes_over_from_another_nothing_jumps(row):
    """In float32 at 15.9, in float64 at 36: each against the other."""
    divergence, parameter = row
    loss = FGAN(divergence=divergence, parameter=parameter, saturating=True)
    values, slopes = [], []
    for dtype in (torch.float32, torch.float64):
        logits = torch.linspace(-30, 40, 141, dtype=dtype).requires_grad_()
        made = torch.stack([loss.generator(None, DiscriminatorOutput(v)) for v in logits])
        values.append(made.double())
        slopes.append(torch.autograd.grad(made.sum(), logits)[0].double())
    torch.testing.assert_close(*values, rtol=2e-5, atol=2e-6)
    torch.testing.assert_close(*slopes, rtol=2e-5, atol=2e-6)


def test_what_is_too_large_for_a_float_is_infinite():
    logit = torch.tensor([120.0], requires_grad=True)
    found = FGAN(divergence="jeffrey", saturating=True).generator(None, DiscriminatorOutput(logit))
    assert found.item() == torch.autograd.grad(found, logit)[0].item() == -float("inf")


@ROWS
def test_both_players_go_the_right_way(row):
    parameters = dict(zip(("divergence", "parameter"), row, strict=True))
    (signs,) = [c for c in cases([FGAN], examples={"f-gan": parameters}) if str(c).endswith("f-gan-signs")]
    signs.run()


@pytest.mark.parametrize(
    "wrong",
    [
        {"divergence": "alpha", "parameter": 1},
        {"divergence": "alpha", "parameter": 0},
        {"divergence": "jensen-shannon-weighted", "parameter": 1},
        {"divergence": "squared-hellinge"},
    ],
    ids=str,
)
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(ValidationError):
        FGAN(**wrong)
