"""Augmentations of augmentations."""

import math

import pytest
import torch
from ganreg_augment import ADA, Blur, Chain, Flip, InstanceNoise, Scheduled, Shift
from pydantic import ValidationError

from ganreg import component
from ganreg.errors import SpecError


def test_a_chain_does_one_after_the_other(pictures, stream):
    images, random = pictures(), stream()
    expected = InstanceNoise()(Shift(pixels=2)(images, random), random)
    assert torch.equal(Chain(parts=(Shift(pixels=2), InstanceNoise()))(images, stream()), expected)


def test_a_chain_tells_all_its_parts_of_updates(make_match):
    ada = {"name": "ada", "initial": 0.5, "interval": 1, "length": 40}
    chain = {"name": "chain", "parts": [ada, {"name": "chain", "parts": ["flip", ada]}]}
    match = make_match(augment=chain)
    match.step()
    built = match.parts.augment
    assert built.parts[0].p.item() == built.parts[1].parts[1].p.item() == pytest.approx(0.6)


@pytest.mark.parametrize("shape", ["linear", "cosine"])
def test_the_ramp(make_match, shape):
    ramp = {"start": 0.25, "end": 0.75, "delay": 2, "steps": 4, "shape": shape}
    match = make_match(augment={"name": "scheduled", "base": "flip", **ramp})
    built, values = match.parts.augment, []
    for _ in range(9):
        values.append(built.value)
        match.step()
    shares = [min(max(t - 2, 0) / 4, 1) for t in range(9)]
    shares = [(1 - math.cos(math.pi * r)) / 2 if shape == "cosine" else r for r in shares]
    assert values == pytest.approx([0.25 + 0.5 * r for r in shares], abs=1e-12)
    assert match.spec.augment.value == 0.25


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_without_a_parameter_it_is_the_probability_of_being_augmented(pictures, stream, value):
    images, random = pictures(count=30), stream()
    chosen = random.uniform(30, 1, 1, 1) < value
    expected = torch.where(chosen, InstanceNoise()(images, random), images)
    made = Scheduled(base=InstanceNoise(), start=value)(images, stream())
    assert torch.equal(made, expected)
    assert chosen.float().mean().item() == pytest.approx(value, abs=0.25)


@pytest.mark.parametrize(
    ("base", "parameter", "start", "end", "halfway"),
    [
        (InstanceNoise(), "sigma", 0.2, 0.0, InstanceNoise(sigma=0.1)),
        (Blur(), "sigma", 3.0, 0.0, Blur(sigma=1.5)),
        (Shift(), "pixels", 1, 6, Shift(pixels=4)),
        (Flip(axis="vertical"), "p", 0.0, 0.5, Flip(p=0.25, axis="vertical")),
    ],
    ids=lambda v: getattr(v, "name", v),
)
def test_a_number_of_the_base_follows(make_match, pictures, stream, base, parameter, start, end, halfway):
    scheduled = Scheduled(base=base, parameter=parameter, start=start, end=end, steps=4)
    match, images = make_match(augment=scheduled), pictures()
    match.step()
    match.step()
    assert torch.equal(match.parts.augment(images, stream()), halfway(images, stream()))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"base": Flip(), "start": -1}, "probabilities"),
        ({"base": Flip(), "end": 2}, "probabilities"),
        ({"base": Flip(), "parameter": "sigma"}, "'flip' has no number 'sigma': p"),
        ({"base": Flip(), "parameter": "axis"}, "has no number 'axis'"),
        ({"base": Flip(), "parameter": "p", "end": 2}, "p: 2.0: Input should be less than or equal to 1"),
        ({"base": Shift(), "parameter": "pixels", "start": 0}, "pixels: 0.0: Input should be greater than 0"),
        ({"base": ADA(), "parameter": "initial"}, "leave parameter out"),
        ({"base": Flip(), "steps": 0}, "steps"),
    ],
    ids=str,
)
def test_what_cannot_be_scheduled_is_refused(wrong, message):
    with pytest.raises(ValidationError, match=message):
        Scheduled(**wrong)


def test_a_spec_names_its_base():
    part = component("augmentation", "scheduled", base={"name": "blur", "sigma": 2}, parameter="sigma", start=2, end=0)
    assert part.base.sigma == 2
    with pytest.raises(SpecError, match="has no number"):
        component("augmentation", "scheduled", base="blur", parameter="radius")
