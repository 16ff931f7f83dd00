"""Optimizers: downhill, and no further than their own parameters."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import Any

import torch
from torch import nn

from ganreg.testing.check import Failure, check
from ganreg.testing.network import build
from ganreg.testing.suite import Subject

STEPS = 100


@check("optimizer", needs=("builds",), remedy="step against the gradient: parameter -= lr * gradient")
def descends(subject: Subject) -> None:
    """It goes downhill on a quadratic, with parameters of several shapes and one that has no gradient."""
    weights = [nn.Parameter(torch.ones(shape)) for shape in ((), (3,), (2, 3), (2, 1, 3, 3))]
    idle = nn.Parameter(torch.ones(2))
    factory: Any = build(subject.make(), subject.task)
    optimizer = factory(iter([*weights, idle]))
    _refuse_asking(optimizer)

    def heights() -> torch.Tensor:
        return torch.stack([w.square().sum() for w in weights])

    before = heights()
    for _ in range(STEPS):
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(heights().sum())
        optimizer.step()
    after = heights()
    if not torch.equal(idle, torch.ones(2)):
        raise Failure("it moves a parameter that has no gradient", "pass over parameters whose grad is None")
    if not after.sum() < before.sum():
        at, start = after.sum().item(), before.sum().item()
        raise Failure(f"after {STEPS} steps on a quadratic it is at {at:.4g}, from {start:.4g}")
    left = [w for w, one, other in zip(weights, before, after, strict=True) if not other < one]
    if left:
        raise Failure(
            f"after {STEPS} steps on a quadratic a weight of size {tuple(left[0].shape)} is no nearer to the optimum",
            "take all parameters: they come as an iterator, which can be read once",
        )


def _refuse_asking(optimizer: torch.optim.Optimizer) -> None:
    """Raise Failure where a step wants a closure."""
    for parameter in signature(optimizer.step).parameters.values():
        if parameter.default is Parameter.empty and parameter.kind is Parameter.POSITIONAL_OR_KEYWORD:
            raise Failure(f"its step() needs '{parameter.name}'", "step by the gradients: a run calls step() alone")
