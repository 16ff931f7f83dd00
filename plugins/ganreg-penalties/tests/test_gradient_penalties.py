"""Penalties on gradients, against the gradient written out by hand: value and slope, in float64."""

import pytest
import torch
from ganreg_penalties import (
    DRAGAN,
    R1R2,
    R2,
    JensenShannon,
    MaxGradientPenalty,
    OneSidedGradientPenalty,
    ZeroCentredGradientPenalty,
)
from pydantic import ValidationError

EVERY = [
    OneSidedGradientPenalty(target=0.3),
    MaxGradientPenalty(),
    DRAGAN(target=0.7, scale=0.3),
    ZeroCentredGradientPenalty(),
    R2(),
    R1R2(),
    JensenShannon(),
]


def by_hand(penalty, play, stream):
    """The formula of a penalty's docstring; D's gradient is that of tanh, not autograd's."""
    network, x, fake = play.networks["discriminator"], play.real, play.fake
    u = stream("between").uniform(4, 1, 1, 1)
    d = network.slope(u * x + (1 - u) * fake, play.labels)
    at_real, at_fake = network.slope(x, play.labels), network.slope(fake, play.labels)
    if penalty.name == "one-sided-gradient-penalty":
        return sum(max(d[k].norm() - 0.3, torch.zeros(())) ** 2 for k in range(4)) / 4
    if penalty.name == "max-gradient-penalty":
        return max((d[k] ** 2).sum() for k in range(4))
    if penalty.name == "dragan":
        noise = 0.3 * x.flatten().std() * stream("dragan").normal(4, 1, 4, 4)
        return sum((network.slope(x + noise, play.labels)[k].norm() - 0.7) ** 2 for k in range(4)) / 4
    if penalty.name == "zero-centred-gradient-penalty":
        return (d**2).sum() / 4
    if penalty.name == "r2":
        return (at_fake**2).sum() / 8
    if penalty.name == "r1-r2":
        return (at_fake**2).sum() / 8 + (at_real**2).sum() / 8
    phi_real, phi_fake = (1 / (1 + (-network(images, play.labels)).exp()) for images in (x, fake))
    doubt, trust = (1 - phi_real) ** 2 * (at_real**2).sum(dim=1), phi_fake**2 * (at_fake**2).sum(dim=1)
    return (doubt.mean() + trust.mean()) / 2


@pytest.mark.parametrize("conditional", [False, True], ids=["unconditional", "conditional"])
@pytest.mark.parametrize("penalty", EVERY, ids=lambda p: p.name)
def test_value_and_slope_are_the_formulas(make_play, stream, assert_same, penalty, conditional):
    play = make_play(conditional=conditional)
    assert_same(penalty(play), by_hand(penalty, play, stream), play.networks["discriminator"])
    assert play.networks["generator"].a.grad is None


@pytest.mark.parametrize("penalty", EVERY, ids=lambda p: p.name)
def test_all_patches_and_scales_count(make_play, parts, penalty):
    play = make_play(discriminator=parts["two-scales"]())
    squared = 16 * (0.25 + 0.5) ** 2
    network = play.networks["discriminator"]
    if penalty.name == "jensen-shannon":
        logits = [0.25 * i.flatten(1).sum(dim=1) + 0.5 * i.flatten(1).sum(dim=1) for i in (play.real, play.fake)]
        real, fake = ((mean / 17).sigmoid() for mean in logits)
        expected = squared * (((1 - real) ** 2).mean() + (fake**2).mean()) / 2
    else:
        expected = {
            "one-sided-gradient-penalty": torch.tensor((squared**0.5 - 0.3) ** 2),
            "dragan": torch.tensor((squared**0.5 - 0.7) ** 2),
            "r2": torch.tensor(squared / 2),
        }.get(penalty.name, torch.tensor(squared))
    assert penalty(play).item() == pytest.approx(expected.item(), rel=1e-6)
    assert network.a.requires_grad


def test_one_sided_lets_flat_places_be(make_play):
    play = make_play()
    value = OneSidedGradientPenalty(target=100)(play)
    (gradient,) = torch.autograd.grad(value, play.networks["discriminator"].w)
    assert value.item() == 0
    assert not gradient.any()


@pytest.mark.parametrize("penalty", EVERY, ids=lambda p: p.name)
def test_a_flat_discriminator_has_a_finite_slope(make_play, penalty):
    play = make_play()
    with torch.no_grad():
        play.networks["discriminator"].v.zero_()
    value = penalty(play)
    (gradient,) = torch.autograd.grad(value, play.networks["discriminator"].w)
    assert value.isfinite()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("every", [1, 3])
def test_the_engine_adds_the_term_with_weight_and_interval(make_match, every):
    plain, match = make_match(), make_match(penalties=[R2(weight=7, every=every)])
    for one in (plain, match):
        one.gradients("discriminator")
    with plain._only("discriminator"):
        term = R2()(plain._plays["discriminator"][-1])
    assert match.terms["discriminator/r2"].item() == pytest.approx(7 * every * term.item(), rel=1e-12)
    more = match.networks["discriminator"].w.grad - plain.networks["discriminator"].w.grad
    (expected,) = torch.autograd.grad(7 * every * term, plain.networks["discriminator"].w)
    torch.testing.assert_close(more, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("component", "wrong"),
    [
        (OneSidedGradientPenalty, {"target": -1}),
        (DRAGAN, {"scale": 0}),
        (DRAGAN, {"target": float("inf")}),
        (R2, {"weight": -1}),
        (MaxGradientPenalty, {"every": 0}),
    ],
    ids=str,
)
def test_parameters_out_of_range_are_refused(component, wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        component(**wrong)
