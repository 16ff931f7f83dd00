"""`ganreg schema`: what editors need to complete and check a spec."""

from __future__ import annotations

import json

import click

from ganreg.cli.app import App
from ganreg.cli.folders import file_to_write
from ganreg.errors import UsageError


@click.command("schema")
@click.option("--output", metavar="FILE", help="Write it to this file.")
@click.pass_obj
def command(app: App, output: str | None) -> None:
    """Write the JSON Schema of spec files.

    It holds every component that is installed. An editor that has the YAML language server completes and checks a
    spec whose first line is `# yaml-language-server: $schema=FILE`.
    """
    from ganreg.spec.schema import schema

    text = json.dumps(schema(app.registry), indent=2)
    if output is None:
        click.echo(text)
        return
    path = file_to_write(output)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
    click.echo(f"a spec begins with: # yaml-language-server: $schema={path}", err=True)
