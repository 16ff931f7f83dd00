"""`ganreg doctor`: what is installed, and what is wrong with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from ganreg.cli.app import App
from ganreg.cli.listings import record, table, verdict
from ganreg.errors import PluginError

if TYPE_CHECKING:
    from ganreg.registry import Listing


@click.command("doctor")
@click.argument("namespaces", metavar="[NAMESPACE]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(context: click.Context, namespaces: tuple[str, ...], as_json: bool) -> None:
    """Tell what is installed, and what is wrong with it.

    Imports all plugins, or those of the given namespaces, anew in another process, where one that hangs is given up
    after some seconds. Each has one line: its distribution and version, and where it cannot be used, why, and what
    helps. The exit code is 4 then.
    """
    from ganreg.registry.lock import environment
    from ganreg.registry.problems import absent

    app: App = context.obj
    for namespace in namespaces:
        if namespace not in app.registry.namespaces:
            raise absent(namespace, app.registry.namespaces)
    chosen = namespaces or app.registry.namespaces
    app.registry.refresh(chosen)
    listings = app.registry.listings(chosen)
    if as_json:
        click.echo(json.dumps({**environment(), "plugins": list(map(record, listings))}, indent=2))
    else:
        click.echo("\n".join([_versions(environment()), *table(app, listings, _tell)]))
    problems = [listing.problem for listing in listings if listing.problem]
    if app.debug:
        click.echo("\n".join(problem.trace for problem in problems), err=True)
    if problems:
        context.exit(PluginError.exit_code)


def _versions(versions: dict[str, Any]) -> str:
    torch = f"torch {versions['torch']}" if versions["torch"] else "no torch: pip install torch"
    return f"ganreg {versions['ganreg']}, {torch}, Python {versions['python']}, {versions['platform']}"


def _tell(listing: Listing) -> str:
    if listing.problem:
        return verdict(listing)
    return f"{len(listing.entries):>3} components  {listing.seconds * 1000:>7.1f} ms  {verdict(listing)}"
