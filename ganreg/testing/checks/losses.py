"""Losses: numbers of the right shape, with the right sign, and no side effects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from ganreg.assembly import reads_real
from ganreg.batch import DiscriminatorOutput
from ganreg.engine.outputs import tensors_of
from ganreg.rng import rekey
from ganreg.testing.check import Failure, Skip, check
from ganreg.testing.network import build, in_double, shape_of
from ganreg.testing.outputs import Judgements, doubled
from ganreg.testing.suite import Subject

SHAPES = ((4,), (4, 1), (4, 1, 2, 3), (3,), (1,), (1, 1))
"""Of logits: per picture, as a column, per patch; batches of an odd number and of one."""

SIZES = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
LOGITS = sorted((0.0, *SIZES, *(-size for size in SIZES)))
"""Logits at which losses are compared: some near every target, some far from all."""

CLOSE = 1e-9
EXTREME = 30.0
DRAWS = 4

Value = Callable[[float, float], float]


@check("loss", needs=("builds", "requires"), remedy="generator_uses_real = True, in the class")
def real_for_generator(subject: Subject) -> None:
    """Its generator(real, fake) does without real, which is None, unless it says generator_uses_real."""
    loss, real_too = _built(subject)
    judged = Judgements(subject, dtype=torch.float32)
    real, fake = judged.random(4), judged.random(4)
    if not real_too and not _works(loss.generator, None, fake) and _works(loss.generator, real, fake):
        raise Failure("its generator(real, fake) reads real, which is None there")


def _works(call: Callable[..., Any], *arguments: Any) -> bool:
    try:
        call(*arguments)
    except Exception:
        return False
    return True


@check("loss", needs=("real-for-generator",), remedy="reduce to one number: .mean()", first=True)
def scalar(subject: Subject) -> None:
    """Both losses are one number with a gradient, for logits of every shape, one picture, and an odd number."""
    loss, real_too = _built(subject)
    for shape in SHAPES:
        judged = Judgements(subject, shape[0], torch.float32)
        real, fake = judged.random(*shape), judged.random(*shape)
        _verify("discriminator", shape, loss.discriminator(real, fake), real, fake)
        _verify("generator", shape, loss.generator(real if real_too else None, fake), fake)


def _verify(player: str, shape: tuple[int, ...], value: Any, *read: DiscriminatorOutput) -> None:
    what = f"the {player}'s loss of logits {shape}"
    if value is None:
        raise Failure(f"{what} is None", "return it")
    if not isinstance(value, Tensor) or value.numel() != 1:
        raise Failure(f"{what} is {shape_of(value)}, not one number")
    if not value.requires_grad:
        raise Failure(f"{what} carries no gradient", "compute with torch alone, and without detach")
    if shape[0] > 1 and not value.isfinite():
        raise Failure(f"{what} is not finite")
    for output in read:
        if all(g is None for g in torch.autograd.grad(value, _leaves(output), retain_graph=True, allow_unused=True)):
            side = "generated" if output is read[-1] else "real"
            raise Failure(f"{what} does not depend on the {side} pictures", "use both sides, and no detach")


@check(
    "loss", needs=("scalar", "float64"), remedy="compute with functions that have a slope: no sign, round or comparison"
)
def gradients(subject: Subject) -> None:
    """Where a loss depends on a side that its player moves, a gradient reaches that side."""
    for player, side in (("discriminator", "real"), ("discriminator", "generated"), ("generator", "generated")):
        judged = Judgements(subject)
        real, fake = judged.random(4), judged.random(4)
        values: list[float] = []
        slopes: list[Tensor | None] = []
        for _ in range(DRAWS):
            drawn = judged.random(4)
            given = {"real": real, "fake": drawn} if side == "generated" else {"real": drawn, "fake": fake}
            value = _value(subject, player, **given)
            values.append(value.item())
            slopes += torch.autograd.grad(value, _leaves(drawn), allow_unused=True)
        if max(values) - min(values) > CLOSE and not any(s.any() for s in slopes if s is not None):
            raise Failure(f"the {player}'s loss depends on the {side} pictures, and no gradient reaches them")


@check("loss", needs=("scalar", "float64"), remedy="reduce with .mean(), not .sum()")
def averages(subject: Subject) -> None:
    """A batch in which each row stands twice costs as much as one in which it stands once."""
    judged = Judgements(subject)
    sides = {"real": judged.random(4), "fake": judged.random(4)}
    for player in ("discriminator", "generator"):
        once = _value(subject, player, **sides).item()
        twice = _value(subject, player, **{name: doubled(output) for name, output in sides.items()}).item()
        if any(abs(twice - factor * once) < CLOSE * abs(once) for factor in (2, 4)):
            raise Failure(f"the {player}'s loss of each picture twice is {twice:.4g}, of each once {once:.4g}")


@check("loss", needs=("scalar",), remedy="use softplus and logsigmoid in place of log and exp of a sigmoid")
def extremes(subject: Subject) -> None:
    """With logits of ±30 in float32, losses and their gradients are finite."""
    judged = Judgements(subject, dtype=torch.float32)
    for real, fake in product((-EXTREME, EXTREME), repeat=2):
        sides = {"real": judged.constant(real), "fake": judged.constant(fake)}
        leaves = [output.logits.requires_grad_() for output in sides.values()]
        for player in ("discriminator", "generator"):
            value = _value(subject, player, **sides)
            found = torch.autograd.grad(value, leaves, allow_unused=True) if value.requires_grad else ()
            if not all(t.isfinite().all() for t in (value, *found) if t is not None):
                raise Failure(
                    f"the {player}'s loss or its gradient is not finite at logits {real:g} (real) and {fake:g} (fake)"
                )


def _value(subject: Subject, player: str, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
    """A player's loss, of a fresh copy; random numbers follow from a seed."""
    loss, real_too = _built(subject, fake.logits.dtype)
    rekey(0)
    value: Tensor
    if player == "discriminator":
        value = loss.discriminator(real, fake)
    else:
        value = loss.generator(real if real_too else None, fake)
    return value


def _leaves(output: DiscriminatorOutput) -> list[Tensor]:
    return [t for t in tensors_of(output) if t.requires_grad]


@check("loss", needs=("scalar",), remedy="return a number: only the engine calls backward and step")
def leaves_alone(subject: Subject) -> None:
    """It changes no input and calls no backward."""
    loss, real_too = _built(subject)
    judged = Judgements(subject, dtype=torch.float32)
    real, fake = judged.random(4), judged.random(4)
    tensors = [*tensors_of(real), *tensors_of(fake)]
    before = [t.detach().clone() for t in tensors]
    loss.discriminator(real, fake)
    loss.generator(real if real_too else None, fake)
    if any(t.grad is not None for t in tensors):
        raise Failure("it calls backward itself")
    if not all(torch.equal(t.detach(), b) for t, b in zip(tensors, before, strict=True)):
        raise Failure("it changes the outputs that it is given", "compute without in-place operations")


@check("loss", needs=("scalar", "leaves-alone"), remedy="take dtypes and devices from the inputs")
def float64(subject: Subject) -> None:
    """It takes outputs in float64."""
    loss, real_too = _built(subject, torch.float64)
    judged = Judgements(subject)
    real, fake = judged.random(4), judged.random(4)
    values = loss.discriminator(real, fake), loss.generator(real if real_too else None, fake)
    if not all(value.isfinite() for value in values):
        raise Failure("in float64 it is not finite")


@check(
    "loss",
    needs=("scalar", "leaves-alone", "float64"),
    remedy="mend the sign: logits are higher for real pictures, and both players minimize",
)
def signs(subject: Subject) -> None:
    """A discriminator that tells the sides apart lowers its loss; a better fake lowers the generator's."""
    loss, real_too = _built(subject, torch.float64)
    judged = Judgements(subject)

    def discriminator(real: float, fake: float) -> float:
        return float(loss.discriminator(judged.constant(real), judged.constant(fake)))

    def generator(real: float, fake: float) -> float:
        return float(loss.generator(judged.constant(real) if real_too else None, judged.constant(fake)))

    with torch.no_grad():
        best = _discriminates(discriminator)
        moves = _deceives(generator, *best)
    if not moves and not any(slope.any() for slope in _slopes(subject)):
        raise Failure("the generator's loss is the same whatever its pictures look like", "read fake, not real")
    if real_too:
        _matches(loss, judged.constant(best[0]), judged.constant(best[1]))


def _discriminates(value: Value) -> tuple[float, float]:
    """The logits of the real and of the generated side at which the discriminator's loss is lowest."""
    found = {pair: value(*pair) for pair in product(LOGITS, LOGITS)}
    found = {pair: number for pair, number in found.items() if isfinite(number)}
    if not found or max(found.values()) - min(found.values()) < CLOSE:
        raise Skip("the discriminator's loss does not depend on the logits: its sign cannot be told from them")
    apart = min((pair for pair in found if pair[0] > pair[1]), key=found.__getitem__)
    for name, pairs in (
        ("are taken for each other", [pair for pair in found if pair[0] < pair[1]]),
        ("look the same", [pair for pair in found if pair[0] == pair[1]]),
    ):
        other = min(pairs, key=found.__getitem__)
        if found[other] < found[apart] - CLOSE * (1 + abs(found[apart])):
            raise Failure(
                f"the discriminator's loss is lower when real and generated pictures {name} "
                f"({found[other]:.4g} at logits {other[0]:g} and {other[1]:g}) than when it tells them apart "
                f"({found[apart]:.4g} at {apart[0]:g} and {apart[1]:g})"
            )
    return apart


def _slopes(subject: Subject) -> list[Tensor]:
    """The slopes of the generator's loss in everything that is said of its pictures."""
    loss, real_too = _built(subject, torch.float64)
    judged = Judgements(subject)
    real, fake = judged.random(4), judged.random(4)
    value = loss.generator(real if real_too else None, fake)
    return [slope for slope in torch.autograd.grad(value, _leaves(fake), allow_unused=True) if slope is not None]


def _deceives(value: Value, real: float, fake: float) -> bool:
    """Whether the generator's loss depends on logits. Raises Failure where it rises with them."""
    caught = value(real, fake)
    better = {f: value(real, f) for f in LOGITS if fake < f <= real}
    constant = max(abs(number - caught) for number in better.values()) < CLOSE * (1 + abs(caught))
    if not constant and min(better.values()) >= caught:
        logit, number = min(better.items(), key=lambda item: item[1])
        raise Failure(
            f"the generator's loss rises as its pictures look more real: {caught:.4g} at the logit {fake:g}, "
            f"{number:.4g} at {logit:g}"
        )
    return not constant


def _matches(loss: Any, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> None:
    """Features like the real ones must not cost the generator more than others."""
    other = replace(fake, features=tuple(feature + 1 for feature in fake.features))
    near, far = (float(loss.generator(real, output)) for output in (fake, other))
    if near > far + CLOSE * (1 + abs(far)):
        raise Failure("the generator's loss is lower when its features are further from the real ones")


def _built(subject: Subject, dtype: torch.dtype = torch.float32) -> tuple[Any, bool]:
    """A fresh loss for outputs of a dtype, and whether its generator's side is given the real ones."""
    part: Any = subject.make()
    loss = build(part, subject.task)
    if dtype == torch.float64:
        in_double(loss)
    return loss, reads_real(part, loss)
