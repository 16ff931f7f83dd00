"""Installed plugins in words, for the commands that tell of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from ganreg.cli.app import App
from ganreg.cli.kinds import KINDS
from ganreg.errors import printable
from ganreg.registry.discovery import VARIABLE, installed, misnamed

if TYPE_CHECKING:
    from ganreg.registry import Listing

STARTERS = "pip install ganreg-classic ganreg-datasets"


def record(listing: Listing) -> dict[str, Any]:
    """A listing as JSON has it, with the number of components by kind."""
    counts = Counter(entry.kind for entry in listing.entries)
    problem = listing.problem
    return {
        "namespace": listing.namespace,
        "distribution": " and ".join(name for name, _ in listing.sources),
        "version": " and ".join(version for _, version in listing.sources),
        "components": {kind: counts[kind] for kind in KINDS if counts[kind]},
        "import_ms": round(listing.seconds * 1000, 1),
        "status": "problem" if problem else "warning" if listing.warnings else "ok",
        "warnings": list(listing.warnings),
        "cause": problem.cause if problem else None,
        "remedy": problem.remedy if problem else None,
    }


def table(app: App, listings: Sequence[Listing], tell: Callable[[Listing], str]) -> list[str]:
    """One line each: namespace, distribution and version, and what there is to tell. Before them, why some lack."""
    lines = []
    if not app.plugins:
        lines.append("plugins: none that is installed is loaded, because of --no-plugins")
    elif VARIABLE in os.environ:
        lines.append(f"plugins: {VARIABLE} lets only these load: {os.environ[VARIABLE] or 'none'}")
        if told := misnamed():
            lines.append(f"plugins: {told}")
    if app.plugins and not listings and not installed():
        lines.append(f"plugins: none is found; {STARTERS}")
    names, origins = (max((len(getattr(li, k)) for li in listings), default=0) for k in ("namespace", "distribution"))
    return lines + [f"{li.namespace:<{names}}  {li.distribution:<{origins}}  {tell(li)}" for li in listings]


def verdict(listing: Listing) -> str:
    """ "ok", a warning, or a problem with its cause and its remedy, in one line."""
    if listing.problem:
        text = printable(f"{listing.problem.cause}; help: {listing.problem.remedy}")
        return click.style("problem: ", fg="red") + text
    if listing.warnings:
        return click.style("warning: ", fg="yellow") + "; ".join(listing.warnings)
    return click.style("ok", fg="green")
