"""Folders of runs and files, as arguments, and the checkpoints of runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ganreg.errors import UsageError

if TYPE_CHECKING:
    from ganreg.api import Run
    from ganreg.registry import Registry


def confirmed(path: str) -> Path:
    """The folder, which holds a run. Raises UsageError where it does not."""
    folder = Path(path)
    if not (folder / "spec.yaml").is_file():
        reason = (
            "it has no spec.yaml" if folder.is_dir() else "it is a file" if folder.exists() else "it does not exist"
        )
        raise UsageError(f"'{path}' is not the folder of a run: {reason}")
    return folder


def opened(path: str, registry: Registry) -> Run:
    """The run of a folder. Raises UsageError where it holds none, SpecError where its spec does not fit any more."""
    from ganreg.api import load

    return load(confirmed(path), registry=registry)


def folder_to_write(name: str) -> Path:
    """The folder that --out names. Raises UsageError for no name, SpecError for one that the run's spec cannot hold."""
    from ganreg.spec.node import Text
    from ganreg.spec.syntax import check_characters

    if not name:
        raise UsageError("'' is no name of a folder")
    check_characters(Text("--out", name))
    return home(name)


def file_to_write(name: str) -> Path:
    """A file that is to be written. Raises UsageError for what can be no file's name."""
    path = home(name)
    if path.name in ("", ".."):
        raise UsageError(f"'{name}' is no name of a file")
    return path


def home(name: str) -> Path:
    """As a shell reads it, which leaves a ~ alone behind `=` and within quotes."""
    return Path(os.path.expanduser(name))


def _which(context: click.Context, parameter: click.Parameter, value: str) -> str | int:
    """The word, or the step as a number. Raises BadParameter for anything else."""
    if value in ("latest", "best"):
        return value
    if not (value.isascii() and value.isdecimal()):
        raise click.BadParameter(f"'{value}' is neither latest nor best nor a step", context, parameter)
    return int(value)


checkpoint = click.option(
    "--checkpoint",
    "which",
    callback=_which,
    metavar="STEP",
    default="latest",
    show_default=True,
    help="A step, best by output.best of the spec, or latest.",
)
"""Which checkpoint of a run a command takes."""
