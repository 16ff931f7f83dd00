"""Optimizers: torch's own, with the spec's settings."""

import pytest
import torch
from ganreg_classic import SGD, Adam, RMSprop
from pydantic import ValidationError

from ganreg import Task

TASK = Task((1, 4, 4), 4)


@pytest.mark.parametrize(
    ("component", "kind", "settings"),
    [
        (Adam(), torch.optim.Adam, {"lr": 2e-4, "betas": (0.5, 0.999), "eps": 1e-8, "weight_decay": 0.0}),
        (
            Adam(lr=1e-3, betas=(0.0, 0.9), eps=1e-6, weight_decay=0.1),
            torch.optim.Adam,
            {"lr": 1e-3, "betas": (0.0, 0.9), "eps": 1e-6, "weight_decay": 0.1},
        ),
        (RMSprop(), torch.optim.RMSprop, {"lr": 5e-5, "alpha": 0.99, "eps": 1e-8, "momentum": 0.0}),
        (
            RMSprop(lr=1e-3, alpha=0.9, eps=1e-6, momentum=0.5, weight_decay=0.1),
            torch.optim.RMSprop,
            {"lr": 1e-3, "alpha": 0.9, "eps": 1e-6, "momentum": 0.5, "weight_decay": 0.1},
        ),
        (SGD(), torch.optim.SGD, {"lr": 1e-2, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0}),
        (
            SGD(lr=1, momentum=0.9, nesterov=True, weight_decay=0.1),
            torch.optim.SGD,
            {"lr": 1.0, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
        ),
    ],
    ids=str,
)
def test_settings_reach_torchs_optimizer(component, kind, settings):
    optimizer = component.build(TASK)([torch.nn.Parameter(torch.ones(2))])
    assert type(optimizer) is kind
    (group,) = optimizer.param_groups
    assert {name: group[name] for name in settings} == settings


@pytest.mark.parametrize(
    ("component", "steps"),
    [
        # Adam's first two steps along a constant gradient are lr each, whatever the gradient's size.
        (Adam(lr=0.1, eps=1e-12), [-0.1, -0.2]),
        # The mean square after a constant gradient g is (1 - alpha^t) g²: 0.1 g², then 0.19 g².
        (RMSprop(lr=0.1, alpha=0.9, eps=1e-12), [-0.1 / 0.1**0.5, -0.1 / 0.1**0.5 - 0.1 / 0.19**0.5]),
        (SGD(lr=0.1), [-0.5, -1.0]),
        (SGD(lr=0.1, momentum=0.5), [-0.5, -1.25]),
    ],
    ids=str,
)
def test_a_constant_gradient_moves_as_the_formula_says(component, steps):
    weight = torch.nn.Parameter(torch.zeros(3, dtype=torch.float64))
    optimizer = component.build(TASK)([weight])
    for expected in steps:
        weight.grad = torch.full_like(weight, 5.0)
        optimizer.step()
        torch.testing.assert_close(weight.detach(), torch.full_like(weight, expected))


@pytest.mark.parametrize(
    ("component", "wrong"),
    [
        (Adam, {"lr": 0}),
        (Adam, {"lr": float("inf")}),
        (Adam, {"betas": (0.5, 1.0)}),
        (Adam, {"betas": (-0.1, 0.9)}),
        (Adam, {"betas": (0.5,)}),
        (Adam, {"eps": 0}),
        (Adam, {"weight_decay": -1}),
        (RMSprop, {"alpha": 1}),
        (RMSprop, {"momentum": -1}),
        (SGD, {"lr": "fast"}),
        (SGD, {"nesterov": True}),
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(component, wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        component(**wrong)
