"""Kinds of component on the command line, in singular or plural."""

from __future__ import annotations

from typing import Any

import click


def plural(kind: str) -> str:
    """The heading for several of a kind: "losses", "penalties"."""
    if kind.endswith("y"):
        return kind[:-1] + "ies"
    return kind + ("es" if kind.endswith("s") else "s")


class KindName(click.ParamType):
    """An argument that names a kind."""

    name = "kind"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The kind in singular; a usage error with the nearest one for anything else."""
        from difflib import get_close_matches

        from ganreg.components import KINDS

        word = str(value).lower()
        for kind in KINDS:
            if word in (kind, plural(kind)):
                return kind
        near = get_close_matches(word, KINDS, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(KINDS)}"
        self.fail(f"'{value}' is no kind of component: {hint}", param, ctx)
