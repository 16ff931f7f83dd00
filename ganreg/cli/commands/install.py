"""`ganreg install`: pip, for plugins by their namespaces."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from ganreg.cli.pip import pip, requirement


@click.command("install")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--upgrade", is_flag=True, help="Replace what is installed by the newest version.")
@click.option("--dry-run", is_flag=True, help="Print the pip command and do nothing.")
@click.pass_context
def command(context: click.Context, names: tuple[str, ...], upgrade: bool, dry_run: bool) -> None:
    """Install plugins.

    NAME is a namespace, such as classic for the distribution ganreg-classic, also with a version, as in classic==1.0;
    or what else pip installs: a distribution by its name ganreg-…, a wheel, ./a-folder, a URL. pip does it, in the
    environment that ganreg runs in. The exit code is 4 where pip fails, and where a new plugin cannot be used.
    """
    from ganreg.registry.discovery import VARIABLE, installed, source

    def sources() -> dict[str, list[tuple[str, str]]]:
        return {namespace: list(map(source, claims)) for namespace, claims in installed().items()}

    before = sources()
    pip("install", *["--upgrade"] * upgrade, *map(requirement, names), dry_run=dry_run)
    if dry_run:
        return
    after = sources()
    changed = [name for name in after if name in names or after[name] != before.get(name)]
    if changed:  # another process, since this one does not see what an editable install adds to its path
        environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
        examination = [sys.executable, "-m", "ganreg", "doctor", *changed]
        context.exit(subprocess.run(examination, env=environment, check=False).returncode)
