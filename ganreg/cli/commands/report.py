"""`ganreg report`: the page of a run, written again."""

from __future__ import annotations

import click

from ganreg.cli.folders import confirmed


@click.command("report")
@click.argument("folder", metavar="RUN")
def command(folder: str) -> None:
    """Write the report of a run again.

    RUN is its folder. Prints the path of the page.
    """
    path = confirmed(folder)
    from ganreg.report import write_report

    click.echo(write_report(path))
