"""`ganreg plugins`: the distributions that bring components."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from ganreg.cli.app import App
from ganreg.cli.kinds import plural
from ganreg.cli.listings import record, table, verdict

if TYPE_CHECKING:
    from ganreg.registry import Listing


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(app: App, as_json: bool) -> None:
    """List the plugins that are installed.

    Each line tells a plugin's namespace, its distribution and version, how long its import takes, how many components
    of which kind it brings, and what is wrong with it. `ganreg install` and `ganreg uninstall` take the namespace.
    """
    listings = app.registry.listings()
    if as_json:
        click.echo(json.dumps(list(map(record, listings)), indent=2))
    else:
        click.echo("\n".join(table(app, listings, _tell)))


def _tell(listing: Listing) -> str:
    if listing.problem:
        return verdict(listing)
    parts = [f"{count} {kind if count == 1 else plural(kind)}" for kind, count in record(listing)["components"].items()]
    found = f"{listing.seconds * 1000:>7.1f} ms  {', '.join(parts) or 'no components'}"
    return f"{found}; {verdict(listing)}" if listing.warnings else found
