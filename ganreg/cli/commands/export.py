"""`ganreg export`: a trained generator as a file that others can use."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ganreg.cli.app import App
from ganreg.cli.folders import checkpoint, file_to_write, opened
from ganreg.errors import RunFolderError, UsageError

if TYPE_CHECKING:
    from ganreg.trained import Which

FORMATS = ("pt2", "onnx", "safetensors")


@click.command("export")
@click.argument("folder", metavar="RUN")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Of the file.  [default: the ending's, or pt2]")
@click.option("--out", metavar="FILE", help="The file.  [default: generator.FORMAT]")
@click.option("--network", metavar="NAME", help="Which generator of a game with several.  [default: the first]")
@checkpoint
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(
    app: App, folder: str, form: str | None, out: str | None, network: str | None, which: Which, as_json: bool
) -> None:
    """Write a trained generator into a file.

    RUN is its folder. The generator is that of the newest checkpoint that is whole, or the one that is named, its
    moving average where the run has one. pt2 is a program for `torch.export.load`, onnx one for any runtime of ONNX:
    both run without ganreg and without the plugin's code. safetensors holds the weights alone. The file is read back
    and its pictures compared with the run's.
    """
    path = file_to_write(f"generator.{form or 'pt2'}" if out is None else out)
    if form and path.suffix != f".{form}":
        raise UsageError(f"--out '{path}' does not end in .{form}")
    try:
        made = opened(folder, app.registry).export(path, checkpoint=which, network=network)
    except RunFolderError as error:
        raise UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps({**asdict(made), "path": str(made.path)}, indent=2))
        return
    click.echo(made.path)
    takes = ", ".join(f"{name} ({', '.join(map(str, ('N', *shape)))})" for name, shape in made.inputs.items())
    click.echo(f"{made.network} takes {takes}; {made.bytes / 1e6:.1f} MB; step {made.step}", err=True)
    click.echo(f"read back: {made.pictures} pictures differ by at most {made.difference:.1e}", err=True)
