"""Augmentations: the same shape, a gradient, and no randomness but the given one."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganreg.engine.streams import Stream
from ganreg.rng import rekey
from ganreg.testing.check import Failure, check
from ganreg.testing.network import CPU, build, in_double, shape_of
from ganreg.testing.suite import Subject


@check("augmentation", needs=("builds",), remedy="return pictures of the size that they came in", first=True)
def keeps_shape(subject: Subject) -> None:
    """Pictures keep their shape, one of them or an odd number; numbers are finite."""
    for count in (4, 1, 3):
        images = _images(subject, count)
        made = _augmented(subject, images)
        if not isinstance(made, Tensor) or made.shape != images.shape:
            raise Failure(f"it makes {shape_of(made)} of {tuple(images.shape)}")
        if not made.isfinite().all():
            raise Failure("it makes numbers that are not finite")


@check("augmentation", needs=("keeps-shape",), remedy="take dtypes and devices from the pictures")
def float64(subject: Subject) -> None:
    """It takes pictures in float64, and gives them back so."""
    made = _augmented(subject, _images(subject, 4, torch.float64))
    if made.dtype != torch.float64:
        raise Failure(f"it makes {made.dtype} of torch.float64")


@check("augmentation", needs=("keeps-shape",), remedy="use differentiable operations, without detach, round or numpy")
def differentiable(subject: Subject) -> None:
    """The generator's gradient passes through it."""
    images = _images(subject, 8).requires_grad_()
    made = _augmented(subject, images * 1)  # pictures that a network made are no leaves
    found = torch.autograd.grad(made.sum(), images, allow_unused=True)[0] if made.requires_grad else None
    if found is None or not found.any() or not found.isfinite().all():
        raise Failure("no gradient passes from what it makes to the pictures, or one that is zero or not finite")


@check("augmentation", needs=("keeps-shape",), remedy="work on a copy: images * 2, not images.mul_(2)")
def leaves_alone(subject: Subject) -> None:
    """The pictures that it is given stay as they are."""
    images = _images(subject, 4)
    before = images.clone()
    _augmented(subject, images)
    if not torch.equal(images, before):
        raise Failure("it changes the pictures in place")


@check(
    "augmentation",
    needs=("keeps-shape",),
    remedy="draw from random: .uniform(), .normal(), .integers(), .permutation()",
)
def own_stream(subject: Subject) -> None:
    """It draws from the stream that it is given, and touches no global generator."""
    images, made = _images(subject, 8), []
    for seed in (1, 2):
        rekey(seed)
        before = _generators()
        made.append(_augmented(subject, images))
        if _generators() != before:
            raise Failure("it draws from a global generator")
    if not torch.equal(*made):
        raise Failure("from the same stream it makes different pictures")


def _images(subject: Subject, count: int, dtype: torch.dtype = torch.float32) -> Tensor:
    numbers = torch.Generator().manual_seed(0)
    return torch.rand(count, *subject.task.image, generator=numbers, dtype=dtype) * 2 - 1


def _augmented(subject: Subject, images: Tensor) -> Any:
    part = subject.make()
    with torch.random.fork_rng():
        built = build(part, subject.task)
    if images.dtype == torch.float64:
        in_double(built)
    return built(images, Stream(CPU, 0, "augment"))


def _generators() -> tuple[Any, ...]:
    return torch.get_rng_state().tolist(), random.getstate(), repr(np.random.get_state())
