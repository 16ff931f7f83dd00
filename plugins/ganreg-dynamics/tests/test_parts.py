"""The parts that are no schedule and no optimizer: annealed penalty, frozen layers, points in a plane."""

from math import cos, pi, sin

import pytest
import torch

from ganreg import Task, component
from ganreg.errors import SpecError

TASK = Task((1, 8, 8), 3)
R1 = {"name": "proofs/tiny-r1", "weight": 5}


def test_an_annealed_penalty_is_the_base_with_another_weight(make_match):
    """w = 2·5·f(t), f from 0 to 1 over steps 1 to 5; the other match has r1 of that weight in each step."""
    curve = {"start": 0, "end": 1, "delay": 1, "steps": 4}
    annealed = make_match(penalties=[{"name": "dynamics/annealed", "base": R1, "curve": curve, "weight": 2}])
    for step in range(7):
        plain = make_match(penalties=[{**R1, "weight": 10 * min(max(step - 1, 0) / 4, 1)}])
        for name, network in plain.networks.items():
            network.load_state_dict(annealed.networks[name].state_dict())
        plain.step_index = plain.position = step
        for match in (annealed, plain):
            match.step()
        found, expected = annealed.terms["discriminator/annealed"], plain.terms["discriminator/tiny-r1"]
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
        for name, network in plain.networks.items():
            torch.testing.assert_close(annealed.networks[name].state_dict(), network.state_dict())


def test_a_constraint_has_no_weight_to_anneal():
    clip = {"name": "proofs/tiny-clipping", "limit": 0.01}
    with pytest.raises(SpecError, match="'tiny-clipping' has no term whose weight could follow a curve"):
        component("penalty", "dynamics/annealed", base=clip, curve={"end": 0})


def test_the_interval_is_given_once():
    base = {**R1, "every": 4}
    with pytest.raises(SpecError, match="every: 4 belongs here"):
        component("penalty", "dynamics/annealed", base=base, curve={"end": 0})


def test_frozen_layers_stay_and_the_others_move(make_match, pictures):
    base = {"name": "proofs/tiny-multiscale", "scales": 1}
    match = make_match(
        data=pictures(image=(1, 4, 4), single=True),
        generator="proofs/tiny-generator",
        discriminator={"name": "dynamics/freeze-d", "base": base, "layers": 2},
    )
    before = {name: p.detach().clone() for name, p in match.networks["discriminator"].named_parameters()}
    for _ in range(2):
        match.step()
    after = dict(match.networks["discriminator"].named_parameters())
    moved = [not torch.equal(before[name], after[name]) for name in before]
    assert moved == [False, False, False, False, True, True]


def test_all_layers_cannot_be_frozen():
    part = component("discriminator", "dynamics/freeze-d", base="proofs/tiny-discriminator", layers=2)
    with pytest.raises(ValueError, match="has 2 layers"):
        part.build(TASK)


def test_the_ring_has_its_modes():
    part = component("dataset", "dynamics/eight-gaussians", count=4000)
    torch.manual_seed(0)
    batch = part.build(Task((2, 1, 1), 2))
    assert batch.images.shape == (4000, 2, 1, 1)
    for mode in range(8):
        points = batch.images[batch.labels == mode].flatten(1)
        centre = torch.tensor([0.8 * cos(2 * pi * mode / 8), 0.8 * sin(2 * pi * mode / 8)])
        assert len(points) == 500
        torch.testing.assert_close(points.mean(dim=0), centre, rtol=0, atol=0.002)
        torch.testing.assert_close(points.std(dim=0), torch.full((2,), 0.008), rtol=0.1, atol=0)
