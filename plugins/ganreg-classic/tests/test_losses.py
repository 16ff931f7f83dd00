"""Losses against their papers' formulas, written out in float64: values and gradients."""

import pytest
import torch
from ganreg_classic import Hinge, LeastSquares, Minimax, NonSaturating, Wasserstein
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError

from ganreg import DiscriminatorOutput

SHAPES = st.sampled_from([(1,), (5,), (3, 1), (2, 1, 3, 2)])
logits = SHAPES.flatmap(lambda shape: arrays(float, shape, elements=st.floats(-15, 15)))


def mean(values):
    return values.sum() / values.numel()


def sigmoid(values):
    return 1 / (1 + (-values).exp())


def cross_entropy(real, fake):
    return -mean(sigmoid(real).log()) - mean((1 - sigmoid(fake)).log())


def above(values):
    return torch.where(values > 0, values, torch.zeros_like(values))


FORMULAS = {
    "minimax": (Minimax(), cross_entropy, lambda fake: mean((1 - sigmoid(fake)).log())),
    "non-saturating": (NonSaturating(), cross_entropy, lambda fake: -mean(sigmoid(fake).log())),
    "least-squares": (
        LeastSquares(),
        lambda real, fake: mean((real - 1) ** 2) / 2 + mean(fake**2) / 2,
        lambda fake: mean((fake - 1) ** 2) / 2,
    ),
    "least-squares-pearson": (
        LeastSquares(a=-1, b=1, c=0),
        lambda real, fake: mean((real - 1) ** 2) / 2 + mean((fake + 1) ** 2) / 2,
        lambda fake: mean(fake**2) / 2,
    ),
    "wasserstein": (Wasserstein(), lambda real, fake: mean(fake) - mean(real), lambda fake: -mean(fake)),
    "hinge": (
        Hinge(),
        lambda real, fake: mean(above(1 - real)) + mean(above(1 + fake)),
        lambda fake: -mean(fake),
    ),
    "hinge-margin": (
        Hinge(margin=2.5),
        lambda real, fake: mean(above(2.5 - real)) + mean(above(2.5 + fake)),
        lambda fake: -mean(fake),
    ),
}
NAMES = pytest.mark.parametrize("name", FORMULAS)


def leaf(values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def assert_same(loss, formula, inputs):
    """Equal values and gradients, with respect to fresh copies of the inputs."""
    mine, theirs = [leaf(x) for x in inputs], [leaf(x) for x in inputs]
    value, expected = loss(*(DiscriminatorOutput(x) for x in mine)), formula(*theirs)
    assert value.shape == ()
    torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-9)
    gradients, wanted = torch.autograd.grad(value, mine), torch.autograd.grad(expected, theirs)
    torch.testing.assert_close(gradients, wanted, rtol=1e-7, atol=1e-9)


@NAMES
@settings(max_examples=50, deadline=None)
@given(real=logits, fake=logits)
def test_the_discriminator_minimizes_the_published_formula(name, real, fake):
    loss, discriminator, _ = FORMULAS[name]
    assert_same(loss.discriminator, discriminator, (real, fake))


@NAMES
@settings(max_examples=50, deadline=None)
@given(fake=logits)
def test_the_generator_minimizes_the_published_formula(name, fake):
    loss, _, generator = FORMULAS[name]
    assert_same(lambda output: loss.generator(None, output), generator, (fake,))


@NAMES
@pytest.mark.parametrize("size", [-1e4, 1e4])
def test_huge_logits_give_finite_losses_and_gradients(name, size):
    loss, _, _ = FORMULAS[name]
    real, fake = (torch.full((3,), size, requires_grad=True) for _ in range(2))
    outputs = DiscriminatorOutput(real), DiscriminatorOutput(fake)
    total = loss.discriminator(*outputs) + loss.generator(None, outputs[1])
    assert total.isfinite()
    assert all(g.isfinite().all() for g in torch.autograd.grad(total, (real, fake)))


def test_a_confident_discriminator_starves_the_saturating_generator_alone():
    logit = torch.tensor([-30.0], requires_grad=True)
    starved, fed = (
        torch.autograd.grad(loss.generator(None, DiscriminatorOutput(logit)), logit)[0].abs()
        for loss in (Minimax(), NonSaturating())
    )
    assert starved < 1e-12
    assert fed == pytest.approx(1)


@NAMES
def test_no_loss_asks_for_the_real_side_in_the_generators_turn(name):
    assert FORMULAS[name][0].generator_uses_real is False


@pytest.mark.parametrize(
    "wrong", [{"margin": 0}, {"margin": -1}, {"margin": float("inf")}, {"margin": "wide"}], ids=str
)
def test_a_margin_is_a_positive_number(wrong):
    with pytest.raises(ValidationError, match="margin"):
        Hinge(**wrong)


@pytest.mark.parametrize("wrong", [{"a": float("nan")}, {"b": float("inf")}, {"d": 1}], ids=str)
def test_least_squares_aims_at_finite_numbers(wrong):
    with pytest.raises(ValidationError):
        LeastSquares(**wrong)
