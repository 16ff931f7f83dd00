"""Metrics and observers: who looks at a run and must not change it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganreg.engine.metrics import Evaluation, figure, is_picture, protocol_of
from ganreg.engine.pictures import generate, save_grid
from ganreg.engine.state import same
from ganreg.spec.runspec import RunSpec
from ganreg.testing import arena
from ganreg.testing.check import Failure, check
from ganreg.testing.files import scratch
from ganreg.testing.network import build
from ganreg.testing.suite import Subject

BATCH = 32
ROUNDING = 1e-3
"""What a picture may exceed [-1, 1] by."""


@check("metric", needs=("builds",), remedy="return {name: number}, or pictures (C, H, W) in [-1, 1]", first=True)
def figures(subject: Subject) -> None:
    """It gives finite numbers and pictures by name, the same ones from the same pictures."""
    match = arena.match(subject, size=BATCH)
    measure: Any = build(subject.make(), match.parts.task)
    one, other = (_figures(measure(Evaluation(match, match.feed))) for _ in range(2))
    differing = [name for name in {**one, **other} if not same(one.get(name), other.get(name))]
    if differing:
        name = differing[0]
        raise Failure(
            f"measured twice, '{name}' is {one.get(name)} and {other.get(name)}",
            "keep nothing between two measurements",
        )


def _figures(found: Any) -> Mapping[str, float | Tensor]:
    if not isinstance(found, Mapping) or not found or not all(isinstance(name, str) for name in found):
        raise Failure(f"it gives {found!r}, not a mapping of names to numbers")
    figures: dict[str, float | Tensor] = {}
    for name, value in found.items():
        try:
            figures[name] = value if is_picture(value) else figure(name, value)
        except TypeError as error:
            raise Failure(str(error)) from None
        if not torch.as_tensor(figures[name]).abs().max() < float("inf"):
            raise Failure(f"'{name}' is {value}, which is not finite")
        if is_picture(value) and value.abs().max() > 1 + ROUNDING:
            low, high = value.min().item(), value.max().item()
            raise Failure(
                f"the picture '{name}' lies in [{low:.3g}, {high:.3g}], not in [-1, 1]", "2 * x - 1 of [0, 1]"
            )
    return figures


@check("metric", needs=("figures",), remedy="tell counts, extractor and data, not what a measurement finds")
def protocol(subject: Subject) -> None:
    """Its protocol is text, numbers and null by name, the same at every measurement."""
    match = arena.match(subject, size=BATCH)
    metric: Any = subject.make()
    measure: Any = build(metric, match.parts.task)
    told = []
    for _ in range(2):
        evaluation = Evaluation(match, match.feed)
        measure(evaluation)
        told.append(protocol_of(metric, measure, evaluation))
        arena.play(match, 1)
    for name in {**told[0], **told[1]}:
        one, other = (protocol.get(name) for protocol in told)
        if one != other:
            raise Failure(f"after another step, '{name}' of its protocol is {other!r} in place of {one!r}")


@check("metric", needs=("figures",), remedy="measure on copies, in torch.no_grad(), and leave modes and weights alone")
def disturbs_nothing(subject: Subject) -> None:
    """A run goes on after a measurement as it would have without."""
    measured, other = arena.match(subject, size=BATCH), arena.match(subject, size=BATCH)
    measure: Any = build(subject.make(), measured.parts.task)
    for match in (measured, other):
        arena.play(match, 1)
        if match is measured:
            measure(Evaluation(match, match.feed))
            if arena.modes(measured) != arena.modes(other):
                raise Failure("a measurement leaves networks in another mode, of training or evaluation")
        arena.play(match, 1)
    if not same(measured.state(), other.state()):
        raise Failure("a run that was measured differs from one that was not")


@check(
    "observer", needs=("builds",), remedy="take what the contract gives: started(folder, spec), logged(step, values), …"
)
def hears(subject: Subject) -> None:
    """It takes the events of a run, those of a resumed one too."""
    observer: Any = build(subject.make(), subject.task)
    match = arena.match(subject)
    folder = scratch() / "run"
    picture = folder / "samples" / "00000000.png"
    save_grid(generate(match, match.feed, 4, "samples").images, picture)
    spec = RunSpec.model_dump(match.spec, mode="json")
    events: list[tuple[str, tuple[Any, ...]]] = [
        ("started", (folder, spec)),
        ("sampled", (0, picture)),
        ("logged", (1, {"generator/loss": 0.5, "discriminator/loss": 1.5})),
        ("measuring", ("distance", "generated", 64, 128)),
        ("logged", (1, {"distance": 3.0})),
        ("drawn", (1, "neighbours", picture)),
        ("sampled", (2, Path(picture))),
        ("finished", (2,)),
    ]
    for event, details in (*events, *events):
        if hasattr(observer, event):
            getattr(observer, event)(*details)
