"""Kinds of component on the command line, in singular or plural."""

from __future__ import annotations

import click

KINDS = (
    "generator",
    "discriminator",
    "encoder",
    "loss",
    "penalty",
    "augmentation",
    "schedule",
    "game",
    "optimizer",
    "dataset",
    "metric",
    "extractor",
    "observer",
)
"""Every kind in the order of `ganreg.components.KINDS`: here, since `list` has no need of pydantic otherwise."""


def plural(kind: str) -> str:
    """The heading for several of a kind: "losses", "penalties"."""
    if kind.endswith("y"):
        return kind[:-1] + "ies"
    return kind + ("es" if kind.endswith("s") else "s")


def parse(context: click.Context, parameter: click.Parameter | None, word: str | None) -> str | None:
    """The callback of an argument that names a kind: the kind in singular, None for None.

    Raises BadParameter with the nearest kind.
    """
    from difflib import get_close_matches

    if word is None:
        return None
    for kind in KINDS:
        if word.lower() in (kind, plural(kind)):
            return kind
    near = get_close_matches(word.lower(), KINDS, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(KINDS)}"
    raise click.BadParameter(f"'{word}' is no kind of component: {hint}", context, parameter)
