"""`ganreg new`: begin a plugin."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from ganreg.errors import UsageError


@click.command("new")
@click.argument("namespace")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
def command(namespace: str, folder: Path | None) -> None:
    """Begin a plugin.

    Writes the whole distribution ganreg-NAMESPACE into DIR, by default a folder of that name: a generator and a loss
    that work, tests that hold them to their contracts, and what it takes to publish. NAMESPACE is lower-case words,
    such as sparkle or style-mix; the ids of the parts begin with it.
    """
    from ganreg.scaffold import create

    folder = folder or Path(f"ganreg-{namespace}")
    try:
        written = create(namespace, folder)
    except OSError as error:
        raise UsageError(f"cannot write {error.filename or folder}: {error.strerror}") from error
    click.echo(f"wrote {folder}")
    for path in written:
        click.echo(f"  {path}")
    click.echo("\nnext:")
    for line in _next(namespace, folder):
        click.echo(f"  {line}")


def _next(namespace: str, folder: Path) -> list[str]:
    """The commands that install, prove and use what was written."""
    where = str(folder) if folder.is_absolute() else f"./{folder}"  # else pip looks for it on its index
    parts = f"--generator {namespace} --discriminator mlp --loss {namespace} --data fashion-mnist-10k"
    return [
        f"pip install -e {shlex.quote(where)}",
        f"ganreg test {namespace}",
        f"ganreg run {parts} --set train.steps=50",
    ]
