"""`ganreg sample`: pictures from a trained GAN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ganreg.cli.app import App
from ganreg.cli.folders import checkpoint, file_to_write, opened
from ganreg.errors import RunFolderError, UsageError

if TYPE_CHECKING:
    from ganreg.trained import Which


@click.command("sample")
@click.argument("folder", metavar="RUN")
@click.option("--count", type=click.IntRange(1, 2**16), default=64, show_default=True, help="How many pictures.")
@click.option("--out", metavar="FILE", default="samples.png", show_default=True, help="PNG file of the grid.")
@click.option("--seed", type=click.IntRange(min=0), help="Another seed gives other pictures.")
@checkpoint
@click.pass_obj
def command(app: App, folder: str, count: int, out: str, seed: int | None, which: Which) -> None:
    """Generate pictures with a trained GAN.

    RUN is its folder. The pictures come from the newest checkpoint that is whole, or the one that is named, and go
    into one grid.
    """
    path = file_to_write(out)
    if path.suffix.lower() != ".png":
        raise UsageError(f"--out '{path}' does not end in .png: that is what is written")
    images = opened(folder, app.registry).sample(count, seed=seed, checkpoint=which)
    from ganreg.engine.pictures import save_grid

    try:
        save_grid(images, path)
    except RunFolderError as error:
        raise UsageError(str(error)) from error
    click.echo(path)
