"""What every component promises, of whatever kind, before anything is built."""

from __future__ import annotations

import difflib
import json
import re
from inspect import cleandoc
from io import StringIO
from typing import Any

from pydantic import TypeAdapter

from ganreg.components import KINDS, Component, Game
from ganreg.spec.runspec import components_in
from ganreg.task import Task
from ganreg.testing.check import Failure, check
from ganreg.testing.checks.plugin import watched
from ganreg.testing.reads import undeclared
from ganreg.testing.suite import Subject
from ganreg.testing.tasks import CLASSES, IMAGES, LATENTS, accepts

ODD = (Task((2, 5, 7), 3), Task((1, 1, 1), 1), Task((3, 64, 64), 1, 1000), Task((4, 7, 64), 200, 1, (2, 5, 3)))
"""Tasks that nobody need serve, but must refuse with a ValueError."""

SOURCE = re.compile(
    r"\b(1[89]|20)\d\d\b|arxiv|doi\.org|https?://"  # a year, a number, an address
    r"|[=<>≤≥|∇‖²·∑Σ√∂⟨]|\b[ED]\[|\bD\(|\b(log|exp|max|min)\(|\^2|\*\*",  # or a formula
    re.IGNORECASE,
)


@check(needs=(), remedy='write a docstring: what it is, "(Author et al., year; arXiv:number)", and the formula')
def documented(subject: Subject) -> None:
    """It has a docstring; that of a loss or penalty names a source, such as a paper with its year, or a formula."""
    text = cleandoc(vars(subject.component).get("__doc__") or "")
    if not text:
        raise Failure("it has no docstring")
    if subject.kind in ("loss", "penalty") and not SOURCE.search(text):
        raise Failure("its docstring names no source: neither paper, year nor formula")


@check(needs=(), remedy='say what it does: … = Field(default, description="…")')
def described(subject: Subject) -> None:
    """Every parameter has a description."""
    bare = [name for name, field in subject.component.model_fields.items() if not (field.description or "").strip()]
    if bare:
        raise Failure(f"no description: {', '.join(bare)}", f'{bare[0]}: … = Field(…, description="…")')


@check(needs=(), remedy="give every field a default that its own bounds allow, or an example: Field(examples=[…])")
def constructs(subject: Subject) -> None:
    """It can be made with its defaults, and with an example of each required parameter."""
    if subject.make() != subject.make():
        raise Failure("two of the same parameters are not equal", "compare parameters alone: define no __eq__")


@check(remedy='leave model_config as it is: frozen, and extra="forbid"')
def strict(subject: Subject) -> None:
    """Unknown parameters are refused, and known ones cannot be changed."""
    try:
        subject.make(**{"no-such-parameter": 1})
    except Failure:
        pass
    else:
        raise Failure("it accepts parameters that it does not have: a misspelt one goes unnoticed")
    part = subject.make()
    for name in type(part).model_fields:
        try:
            setattr(part, name, getattr(part, name))
        except AttributeError:
            continue
        raise Failure(f"its parameter '{name}' can be changed after it was made")


@check(remedy="let parameters be numbers, text, paths, lists, mappings, or other components")
def round_trip(subject: Subject) -> None:
    """Its parameters have a JSON Schema, and come back equal from JSON and from a spec in YAML."""
    from ruamel.yaml import YAML

    part, context = subject.part, {"registry": subject.suite}
    subject.component.model_json_schema()
    values = part.model_dump(mode="json", context=context)
    if subject.component.model_validate(json.loads(json.dumps(values)), context=context) != part:
        raise Failure(f"it comes back from JSON as another one: {json.dumps(values)[:200]}")
    written = StringIO()
    YAML(typ="safe", pure=True).dump({"part": {"name": subject.id, **values}}, written)
    if _from_yaml(written.getvalue(), KINDS[subject.kind], subject) != part:
        raise Failure("it comes back from YAML as another one")


def _from_yaml(text: str, kind: type[Component], subject: Subject) -> Component:
    from ganreg.spec.node import Text
    from ganreg.spec.reader import parse

    reference = parse(Text("spec.yaml", text)).plain()["part"]
    found: Component = TypeAdapter(kind).validate_python(reference, context={"registry": subject.suite})
    return found


@check(remedy="import torch inside build alone")
def torch_free(subject: Subject) -> None:
    """Making it, its check, info, milestones, fingerprint, provides and requires import no torch."""
    place = watched(subject.suite)["components"].get(f"{subject.kind} {subject.id}")
    if place:
        raise Failure(f"it imports torch before it is built ({place})")


@check(remedy="raise ValueError with a sentence where a task cannot be served, and nothing else")
def tasks(subject: Subject) -> None:
    """check(task) accepts a task, and refuses with ValueError those that it cannot serve."""
    if not subject.claimed:
        raise Failure(
            f"its check refuses every task that is tried: {len(IMAGES)} sizes from 8x8 to 1024x1024, with and "
            f"without {CLASSES} classes, latent {', '.join(map(str, LATENTS))}",
            "accept what it can serve, or give parameters that do: Field(examples=[…]), or cases(…, examples=…)",
        )
    for odd in ODD:
        accepts(subject.part, odd)
    given = subject.part.check(subject.claimed[0])  # type: ignore[func-returns-value]
    if given is not None:
        raise Failure(f"its check returns {given!r}, which nobody reads")


@check(
    *("loss", "penalty", "game", "metric"),
    needs=("builds", "players"),
    remedy="require words that a discriminator, a generator or a part of another kind inside it provides",
)
def requires(subject: Subject) -> None:
    """It requires whatever it reads of an output beyond logits, and something installed provides that."""
    known = {"features", "embedding", "class_logits"}
    if not subject.requires <= known:  # only then are other plugins loaded
        inner = {part.kind for _, part in components_in(subject.part)} - {subject.kind}
        for role in ("discriminator", "generator", *sorted(inner)):
            known.update(*(part.provides for part in subject.suite.fitting(role)))
            known.update(*(component.adds for component in subject.suite.offered(role)))
    for word in sorted(subject.requires - known):
        raise Failure(f"it requires '{word}', which nothing installed provides", _nearest(word, known))
    for word in undeclared(subject):
        words = ", ".join(f'"{name}"' for name in sorted({*subject.requires, word}))
        raise Failure(f"it reads '{word}', and does not require it", f"requires = frozenset({{{words}}})")


@check("penalty", remedy='player = "generator" or "discriminator", or another player of a game')
def its_player(subject: Subject) -> None:
    """Its player plays in a game that is installed."""
    part: Any = subject.part
    known = {"generator", "discriminator"}
    if part.player not in known:
        known.update(*(game.players for game in subject.suite.fitting("game") if isinstance(game, Game)))
    if part.player not in known:
        raise Failure(f"it is for a player '{part.player}', which no installed game has", _nearest(part.player, known))


def _nearest(word: str, known: set[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"known: {', '.join(sorted(known))}"
