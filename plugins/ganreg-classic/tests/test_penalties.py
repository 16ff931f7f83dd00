"""Penalties in real turns, against what can be written down for simple discriminators."""

from math import sqrt

import pytest
import torch
from ganreg_classic import R1, SGD, DCGANDiscriminator, DCGANGenerator, GradientPenalty, WeightClipping
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn

from ganreg import Discriminator, DiscriminatorOutput
from ganreg.errors import SpecError

PIXELS = 16
"""Of the pictures that make_match plays on."""


class Module(Discriminator, name="module"):
    """A discriminator that is a given torch module."""

    network: object

    def build(self, task):
        return self.network


class Bowl(nn.Module):
    """D(x) = ½s‖x‖², whose gradient is s·x. Keeps what it was given."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0, dtype=torch.float64))
        self.given = []

    def forward(self, images, labels=None):
        self.given.append(images.detach())
        return self.scale * images.square().flatten(1).sum(dim=1) / 2


class TwoScales(nn.Module):
    """A logit a·x for each pixel, and b·x for all of them: the gradient of their sum is a + b everywhere."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(0.25, dtype=torch.float64))
        self.b = nn.Parameter(torch.tensor(0.5, dtype=torch.float64))

    def forward(self, images, labels=None):
        return DiscriminatorOutput((self.a * images, self.b * images.sum(dim=(1, 2, 3))))


# Zero, or large enough that its square is no denormal number.
weights = st.one_of(st.just(0.0), st.floats(1e-3, 3), st.floats(-3, -1e-3))
several = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(weight=weights, target=st.sampled_from([0.0, 1.0, 2.5]))
@several
def test_gradient_penalty_of_a_linear_discriminator(make_play, linear, weight, target):
    """‖∇D‖ = ‖w‖ everywhere: (‖w‖ - t)², whose gradient is 2(‖w‖ - t)w/‖w‖."""
    play = make_play(discriminator=linear(weight=weight))
    value = GradientPenalty(target=target)(play)
    norm = sqrt(PIXELS) * abs(weight)
    assert value.item() == pytest.approx((norm - target) ** 2, abs=1e-12)
    (gradient,) = torch.autograd.grad(value, play.networks["discriminator"].weight)
    slope = 2 * (norm - target) * weight / norm if norm else 0.0
    torch.testing.assert_close(gradient, torch.full_like(gradient, slope), rtol=1e-7, atol=1e-9)


@given(weight=weights)
@several
def test_r1_of_a_linear_discriminator(make_play, linear, weight):
    """½‖w‖², whose gradient is w."""
    play = make_play(discriminator=linear(weight=weight))
    value = R1()(play)
    assert value.item() == pytest.approx(PIXELS * weight**2 / 2, abs=1e-12)
    (gradient,) = torch.autograd.grad(value, play.networks["discriminator"].weight)
    torch.testing.assert_close(gradient, torch.full_like(gradient, weight))


def test_r1_is_taken_at_the_real_pictures(make_play):
    play = make_play(discriminator=Module(network=Bowl()))
    expected = play.real.square().sum(dim=(1, 2, 3)).mean() / 2
    assert R1()(play).item() == pytest.approx(expected.item(), rel=1e-12)


def test_gradient_penalty_is_taken_between_real_and_generated_pictures(make_play, pictures, constant):
    bowl = Bowl()
    play = make_play(data=pictures(value=1.0), generator=constant(value=-1.0), discriminator=Module(network=bowl))
    value = GradientPenalty()(play)
    (between,) = bowl.given
    levels = between.flatten(1)[:, 0]
    assert torch.equal(between, levels.reshape(-1, 1, 1, 1).expand_as(between))
    assert levels.min() >= -1
    assert levels.max() < 1
    assert len(levels.unique()) == len(levels)
    norms = between.flatten(1).norm(dim=1)
    assert value.item() == pytest.approx((norms - 1).square().mean().item(), rel=1e-12)


@pytest.mark.parametrize("penalty", [GradientPenalty(target=0), R1()], ids=lambda p: p.name)
def test_all_patches_and_scales_count(make_play, penalty):
    play = make_play(discriminator=Module(network=TwoScales()))
    squared = PIXELS * (0.25 + 0.5) ** 2
    expected = squared if penalty.name == "gradient-penalty" else squared / 2
    assert penalty(play).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("penalty", [GradientPenalty(target=0), R1()], ids=lambda p: p.name)
def test_each_picture_is_judged_under_its_label(make_play, pictures, linear, penalty):
    play = make_play(data=pictures(classes=3), discriminator=linear(), conditional=True)
    levels = torch.tensor([0.1, 0.2, 0.4], dtype=torch.float64)
    with torch.no_grad():
        play.networks["discriminator"].weight.copy_(levels.reshape(3, 1, 1, 1))
    squared = PIXELS * levels[play.labels].square().mean().item()
    expected = squared if penalty.name == "gradient-penalty" else squared / 2
    assert penalty(play).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("penalty", [GradientPenalty(), R1()], ids=lambda p: p.name)
def test_a_flat_discriminator_has_a_finite_slope(make_play, linear, penalty):
    play = make_play(discriminator=linear(weight=0.0))
    value = penalty(play)
    (gradient,) = torch.autograd.grad(value, play.networks["discriminator"].weight)
    assert value.isfinite()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("normalization", ["none", "batch", "spectral"])
@pytest.mark.parametrize("penalty", [GradientPenalty(), R1()], ids=lambda p: p.name)
def test_double_backward_reaches_the_weights_of_every_layer(make_play, pictures, penalty, normalization):
    play = make_play(
        data=pictures(image=(1, 16, 16), single=True),
        generator=DCGANGenerator(width=4),
        discriminator=DCGANDiscriminator(width=4, normalization=normalization),
    )
    penalty(play).backward()
    network = play.networks["discriminator"]
    layers = [p for p in network.parameters() if p.dim() > 1]
    assert len(layers) == 3
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in layers)


@pytest.mark.parametrize(
    ("penalty", "value"),
    [
        (GradientPenalty(), 10 * (4 * 0.75 - 1) ** 2),
        (GradientPenalty(weight=2, target=0), 2 * (4 * 0.75) ** 2),
        (R1(), 10 * PIXELS * 0.75**2 / 2),
        (R1(weight=3), 3 * PIXELS * 0.75**2 / 2),
    ],
    ids=str,
)
def test_the_engine_adds_the_weighted_term_to_the_discriminators_loss(make_match, linear, penalty, value):
    match = make_match(discriminator=linear(weight=0.75), penalties=[penalty])
    match.gradients("discriminator")
    assert match.terms[f"discriminator/{penalty.name}"].item() == pytest.approx(value, rel=1e-12)
    plain = make_match(discriminator=linear(weight=0.75))
    plain.gradients("discriminator")
    more = match.networks["discriminator"].weight.grad - plain.networks["discriminator"].weight.grad
    assert more.abs().max() > 1


@pytest.mark.parametrize("sign", [-1, 1])
def test_clipping_bounds_the_discriminators_weights_after_its_update(make_match, linear, constant, sign):
    match = make_match(
        discriminator=linear(weight=sign * 0.25),
        generator=constant(value=0.5),
        penalties=[WeightClipping(limit=0.125)],
        optimizers={"discriminator": SGD(lr=1e-3), "generator": SGD(lr=1e-3)},
    )
    weight = match.networks["discriminator"].weight
    match.gradients("discriminator")
    assert weight.abs().min() > 0.24
    match.apply("discriminator")
    assert torch.equal(weight.detach(), torch.full_like(weight, sign * 0.125))
    assert set(match.terms) == {"discriminator/loss"}


def test_clipping_leaves_weights_within_the_limit_and_the_generator_alone(make_match, linear, constant):
    match, free = (
        make_match(
            discriminator=linear(weight=-0.0625),
            generator=constant(value=0.5),
            penalties=penalties,
            optimizers={"discriminator": SGD(lr=1e-3), "generator": SGD(lr=1e-3)},
        )
        for penalties in ([WeightClipping(limit=0.125)], [])
    )
    for _ in range(2):
        match.step()
        free.step()
    for name, network in match.networks.items():
        for mine, theirs in zip(network.parameters(), free.networks[name].parameters(), strict=True):
            assert torch.equal(mine, theirs)
    assert match.networks["generator"].value > 0.125


@pytest.mark.parametrize(("side", "other"), [("generator", "discriminator"), ("discriminator", "generator")])
def test_clipping_bounds_the_weights_of_its_side_once_they_have_moved(make_match, linear, constant, side, other):
    clipped, free = (
        make_match(
            discriminator=linear(weight=0.5),
            generator=constant(value=0.5),
            penalties=penalties,
            optimizers={player: SGD(lr=0.1) for player in (side, other)},
        )
        for penalties in ([WeightClipping(side=side, limit=0.125)], [])
    )
    own = list(clipped.networks[side].parameters())
    for match in (clipped, free):
        match.update(other)
    assert min(p.abs().max() for p in own) == 0.5
    for match in (clipped, free):
        match.update(side)
    for mine, theirs in zip(own, free.networks[side].parameters(), strict=True):
        assert not torch.equal(mine, theirs)
        assert torch.equal(mine, theirs.clamp(-0.125, 0.125))


def test_clipping_every_third_update_leaves_the_others_alone(make_match, linear):
    match = make_match(
        discriminator=linear(weight=0.25),
        penalties=[WeightClipping(limit=0.125, every=3)],
        optimizers={"discriminator": SGD(lr=1e-3), "generator": SGD(lr=1e-3)},
    )
    weight = match.networks["discriminator"].weight
    within = []
    for _ in range(7):
        match.update("discriminator")
        within.append(bool((weight.abs() <= 0.125).all()))
        with torch.no_grad():
            weight.fill_(0.25)
    assert within == [True, False, False, True, False, False, True]


def test_clipping_a_player_whom_the_game_has_not_is_a_mistake_of_the_spec(make_match):
    with pytest.raises(SpecError, match="for a player 'critic', which this game has not"):
        make_match(penalties=[WeightClipping(side="critic")])


@pytest.mark.parametrize(
    ("component", "wrong"),
    [
        (GradientPenalty, {"weight": -1}),
        (GradientPenalty, {"target": -1}),
        (GradientPenalty, {"target": float("inf")}),
        (R1, {"every": 0}),
        (R1, {"gamma": 1}),
        (WeightClipping, {"limit": 0}),
    ],
    ids=str,
)
def test_parameters_out_of_range_are_refused(component, wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        component(**wrong)
