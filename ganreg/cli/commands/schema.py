"""`ganreg schema`: what editors need to complete and check a spec."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ganreg.cli.app import App
from ganreg.errors import UsageError


@click.command("schema")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file.")
@click.pass_obj
def command(app: App, output: Path | None) -> None:
    """Write the JSON Schema of spec files.

    It holds every component that is installed. An editor that has the YAML language server completes and checks a
    spec whose first line is `# yaml-language-server: $schema=FILE`.
    """
    from ganreg.spec.schema import schema

    text = json.dumps(schema(app.registry), indent=2)
    if output is None:
        click.echo(text)
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}") from error
    click.echo(f"a spec begins with: # yaml-language-server: $schema={output}", err=True)
