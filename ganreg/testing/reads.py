"""What a part reads of a discriminator's outputs beyond what it requires."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch

from ganreg.assembly import reads_real
from ganreg.batch import DiscriminatorOutput
from ganreg.engine.metrics import Evaluation
from ganreg.engine.outputs import as_output
from ganreg.engine.state import same
from ganreg.rng import rekey
from ganreg.testing import arena
from ganreg.testing.check import Skip
from ganreg.testing.network import build
from ganreg.testing.outputs import BLANK, FIELDS, Judgements
from ganreg.testing.suite import Subject


class Extra(dict[str, Any]):
    """Something of one's own in an output, that notes for which words it is asked in vain."""

    def __init__(self, known: Mapping[str, Any], missed: list[str]) -> None:
        super().__init__(known)
        self.missed = missed

    def __missing__(self, word: str) -> Any:
        self.missed.append(word)
        raise KeyError(word)


def undeclared(subject: Subject) -> Iterator[str]:
    """The words without which it fails, or computes something else, though it does not require them.

    Whatever may be absent may be asked for: a part that does without what is None keeps its promise.
    """
    try:
        tried = _tried(subject)
        missed: list[str] = []
        full = tried((), missed)
    except Skip:
        return
    yield from dict.fromkeys(missed)
    if full is None:
        return
    for word in sorted(FIELDS - subject.requires):
        blank = tried((word,), [])
        # An empty tuple of features fails nowhere, and leaves a sum over them out.
        silent = word == "features" and blank is not None and not same(full, blank)
        if blank is None or (silent and same(full, tried((), []))):
            yield word


def _tried(subject: Subject) -> Callable[[tuple[str, ...], list[str]], Any]:
    """What it computes when some fields are blank, from a fresh start; None where it fails."""
    read = _pair(subject) if subject.kind == "loss" else ()
    arena.company(subject)

    def run(without: tuple[str, ...], missed: list[str]) -> Any:
        def blank(output: DiscriminatorOutput) -> DiscriminatorOutput:
            extra = Extra({k: v for k, v in output.extra.items() if k in subject.requires}, missed)
            return replace(output, **{name: BLANK[name] for name in without}, extra=extra)

        rekey(0)
        try:
            return _of_loss(subject, *map(blank, read)) if read else _in_match(subject, blank)
        except Exception:
            return None

    return run


def _pair(subject: Subject) -> tuple[DiscriminatorOutput, DiscriminatorOutput]:
    judged = Judgements(subject, dtype=torch.float32, everything=True)
    return judged.random(4), judged.random(4)


def _of_loss(subject: Subject, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> list[Any]:
    part: Any = subject.make()
    loss = build(part, subject.task)
    real_too = reads_real(part, loss)
    values = loss.discriminator(real, fake), loss.generator(real if real_too else None, fake)
    return [value.detach() for value in values]


def _in_match(subject: Subject, blank: Callable[[DiscriminatorOutput], DiscriminatorOutput]) -> Any:
    """The same of a penalty, a game's terms or a metric, whose discriminators' outputs are seen through."""
    match = arena.match(subject)
    for name, role in match.spec.game.networks.items():
        if role == "discriminator":
            match.networks[name].register_forward_hook(lambda module, given, made: blank(as_output(made, None)))
    if subject.kind == "metric":
        measure: Any = build(subject.make(), match.parts.task)
        return dict(measure(Evaluation(match, match.feed)))
    if subject.kind == "game":
        match.step()
        return dict(match.terms)
    (its,) = match.parts.penalties
    with match.turn(subject.part.player) as play:  # type: ignore[attr-defined]
        value = its.built(play)
        return {} if value is None else value.detach()
