"""`ganreg list`: what is installed, by kind."""

from __future__ import annotations

import gc
import inspect
import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ganreg.cli.app import App
from ganreg.cli.kinds import parse, plural

if TYPE_CHECKING:
    from ganreg.registry import Offer

STARTERS = "pip install ganreg-classic ganreg-datasets"


@click.command("list")
@click.argument("kind", required=False, callback=parse)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(app: App, kind: str | None, as_json: bool) -> None:
    """List the components that are installed.

    Each line begins with the name that a spec takes. KIND leaves out all other kinds; it is one of generator,
    discriminator, encoder, loss, penalty, augmentation, schedule, game, optimizer, dataset, metric and observer.
    """
    with _uncollected():
        offers = app.registry.offers(kind)
    if as_json:
        click.echo(json.dumps([_record(offer) for offer in offers], indent=2))
    else:
        click.echo("\n".join(_lines(offers)), nl=bool(offers))
    for plugin in app.registry.plugins():
        if plugin.problem:
            click.echo(f"plugin '{plugin.namespace}' cannot be used: `ganreg doctor` tells why", err=True)
    if not offers:
        click.echo(_nothing(app, kind), err=True)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without garbage collection, which finds none while classes are defined, and takes a tenth of the time.

    What was made stays as long as the process, so that the collector need not look at it afterwards.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _record(offer: Offer) -> dict[str, str]:
    component = offer.component
    return {
        "kind": component.kind,
        "name": component.name,
        "id": offer.id,
        "distribution": offer.plugin.distribution,
        "summary": _summary(offer),
    }


def _summary(offer: Offer) -> str:
    return inspect.cleandoc(offer.component.__doc__ or "").partition("\n")[0]


def _lines(offers: Sequence[Offer]) -> list[str]:
    """A heading and aligned columns per kind. A name that several plugins offer is written as the id that serves."""
    from ganreg.components import KINDS

    several = Counter((offer.component.kind, offer.component.name) for offer in offers)
    rows = [
        (
            o.component.kind,
            o.id if several[o.component.kind, o.component.name] > 1 else o.component.name,
            o.id,
            _summary(o),
        )
        for o in offers
    ]
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

    if not app.plugins:
        return "no plugin is loaded, because of --no-plugins"
    if kind is None:
        return f"no plugin is installed: {STARTERS}"
    missing = [
        known["distribution"]
        for namespace, known in first_party().items()
        if kind in known["components"] and namespace not in app.registry.namespaces
    ]
    return f"no {kind} is installed" + (f": pip install {' '.join(map(str, missing))}" if missing else "")
