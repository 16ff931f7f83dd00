"""`ganreg list`: what is installed, by kind."""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ganreg.cli.app import App
from ganreg.cli.kinds import KINDS, parse, plural
from ganreg.cli.listings import STARTERS

if TYPE_CHECKING:
    from ganreg.registry import Entry, Listing


@click.command("list")
@click.argument("kind", required=False, callback=parse)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(app: App, kind: str | None, as_json: bool) -> None:
    """List the components that are installed.

    Each line begins with the name that a spec takes. KIND leaves out all other kinds; it is one of generator,
    discriminator, encoder, loss, penalty, augmentation, schedule, game, optimizer, dataset, metric, extractor and
    observer.
    """
    listings = app.registry.listings()
    offered = [(listing, entry) for listing in listings for entry in listing.entries if kind in (None, entry.kind)]
    offered.sort(key=lambda offer: (offer[1].kind, offer[0].namespace, offer[1].name))
    if as_json:
        click.echo(json.dumps([_record(*offer) for offer in offered], indent=2))
    else:
        click.echo("\n".join(_lines(offered)), nl=bool(offered))
    for listing in listings:
        if listing.problem:
            click.echo(f"plugin '{listing.namespace}' cannot be used: `ganreg doctor` tells why", err=True)
    if not offered:
        click.echo(_nothing(app, kind), err=True)


def _record(listing: Listing, entry: Entry) -> dict[str, str]:
    return {
        "kind": entry.kind,
        "name": entry.name,
        "id": f"{listing.namespace}/{entry.name}",
        "distribution": listing.distribution,
        "summary": entry.summary,
    }


def _lines(offered: Sequence[tuple[Listing, Entry]]) -> list[str]:
    """A heading and aligned columns per kind. A name that several plugins offer is written as the id that serves."""
    several = Counter((entry.kind, entry.name) for _, entry in offered)
    rows = []
    for listing, entry in offered:
        id_ = f"{listing.namespace}/{entry.name}"
        rows.append((entry.kind, id_ if several[entry.kind, entry.name] > 1 else entry.name, id_, entry.summary))
    names, ids = (max((len(row[column]) for row in rows), default=0) for column in (1, 2))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    lines: list[str] = []
    for kind in KINDS:
        chosen = [row for row in rows if row[0] == kind]
        if chosen:
            lines += [""] * bool(lines) + [click.style(plural(kind), bold=True)]
            lines += [_cut(f"  {name:<{names}}  {id_:<{ids}}  {summary}", width) for _, name, id_, summary in chosen]
    return lines


def _cut(line: str, width: int | None) -> str:
    line = line.rstrip()
    return line if width is None or len(line) <= width else line[: width - 1] + "…"


def _nothing(app: App, kind: str | None) -> str:
    """Why the list is empty, and what to do about it."""
    from ganreg.registry import first_party
    from ganreg.registry.discovery import VARIABLE, installed, misnamed

    if not app.plugins:
        return "no plugin is loaded, because of --no-plugins"
    if told := misnamed():
        return told
    there = installed()
    if kind is None:
        left = f"no plugin is loaded, because of {VARIABLE}"
        return left if there else f"no plugin is installed: {STARTERS}"
    offering = {namespace: known for namespace, known in first_party().items() if kind in known["components"]}
    left_out = there.keys() & offering.keys() - set(app.registry.namespaces)
    if left_out:
        return f"no {kind} is loaded: {VARIABLE} leaves out {' and '.join(sorted(left_out))}"
    missing = [known["distribution"] for namespace, known in offering.items() if namespace not in there]
    return f"no {kind} is installed" + (f": pip install {' '.join(map(str, missing))}" if missing else "")
