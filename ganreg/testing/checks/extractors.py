"""Extractors: pictures to features that depend on nothing else."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganreg.batch import Features
from ganreg.rng import rekey
from ganreg.testing.check import Failure, check
from ganreg.testing.network import build, shape_of
from ganreg.testing.suite import Subject

COUNT = 5
CLOSE = 1e-3
"""How far features may differ by the order of summation, relative to their size."""


@check(
    "extractor", needs=("builds",), remedy="return Features(values, logits), of one row for each picture", first=True
)
def features(subject: Subject) -> None:
    """Pictures become finite values (N, D), with logits (N, K) where it provides them and there alone."""
    found = _extract(subject, _pictures(subject))
    if not isinstance(found, Features):
        raise Failure(f"it gives a {type(found).__name__}, not Features")
    for name, value in (("values", found.values), ("logits", found.logits)):
        if value is None and name == "logits":
            continue
        if not isinstance(value, Tensor) or value.dim() != 2 or len(value) != COUNT:
            raise Failure(f"its {name} are {shape_of(value)} for {COUNT} pictures: two sizes, the first {COUNT}")
        if not value.isfinite().all():
            raise Failure(f"its {name} are not all finite")
    if (found.logits is not None) != ("logits" in subject.part.provides):
        given, said = ("no logits", "provides") if found.logits is None else ("logits", "does not provide")
        raise Failure(f"it gives {given}, and {said} them", 'provides = frozenset({"logits"}), or none of them')


@check("extractor", needs=("features",), remedy="evaluate: network.eval(), and no statistics over the batch")
def each_alone(subject: Subject) -> None:
    """A picture's features are the same whatever else is in the batch."""
    images = _pictures(subject)
    together = _extract(subject, images).values
    alone = torch.cat([_extract(subject, image[None]).values for image in images])
    if _distance(together, alone) > CLOSE:
        raise Failure("a picture has other features alone than among others")


@check("extractor", needs=("features",), remedy="read weights from a file, and change neither them nor the pictures")
def fixed(subject: Subject) -> None:
    """Built again, it gives the same features; it changes no picture and draws no random number."""
    images = _pictures(subject)
    shown = images.clone()
    rekey(1)
    before = torch.get_rng_state()
    with torch.no_grad():
        extract: Any = build(subject.make(), subject.task, seed=1)
        one, again = extract(shown).values, extract(shown).values
    if not torch.equal(torch.get_rng_state(), before):
        raise Failure("it draws from torch's global generator")
    if not torch.equal(shown, images):
        raise Failure("it changes the pictures that it is given", "work on a copy")
    if not torch.equal(one, again):
        raise Failure("the same pictures have other features the second time")
    if _distance(one, _extract(subject, images, seed=2).values) > CLOSE:
        raise Failure("built from another seed, it gives other features: figures of two runs would not compare")


@check("extractor", remedy="return name, parameters and the sha256 of the weights as one line of text")
def fingerprint(subject: Subject) -> None:
    """Its fingerprint is one line of text, the same for the same parameters."""
    parts: list[Any] = [subject.make(), subject.make()]
    one, other = (part.fingerprint() for part in parts)
    if not isinstance(one, str) or len(one.splitlines()) != 1:
        raise Failure(f"its fingerprint is {one!r}, not a line of text")
    if one != other:
        raise Failure(f"of the same parameters, its fingerprint is {one!r} and {other!r}")


def _pictures(subject: Subject) -> Tensor:
    numbers = torch.Generator().manual_seed(0)
    return torch.rand(COUNT, *subject.task.image, generator=numbers) * 2 - 1


@torch.no_grad()
def _extract(subject: Subject, images: Tensor, seed: int = 0) -> Any:
    extract: Any = build(subject.make(), subject.task, seed=seed)
    return extract(images.clone())


def _distance(one: Tensor, other: Tensor) -> float:
    return float((one - other).norm() / one.norm().clamp(min=1e-12))
