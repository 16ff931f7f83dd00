"""Optimizers: downhill, and no further than their own parameters."""

from __future__ import annotations

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

    def height() -> torch.Tensor:
        return torch.stack([w.square().sum() for w in weights]).sum()

    before = height().item()
    for _ in range(STEPS):
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(height())
        optimizer.step()
    after = height().item()
    if not torch.equal(idle, torch.ones(2)):
        raise Failure("it moves a parameter that has no gradient", "pass over parameters whose grad is None")
    if not after < before:
        raise Failure(f"after {STEPS} steps on a quadratic it is at {after:.4g}, from {before:.4g}")
