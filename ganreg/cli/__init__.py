"""The command line; floor 5. Commands load when they are called, and none imports torch before it needs it."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

import click

from ganreg.cli import failures
from ganreg.cli.app import App
from ganreg.cli.group import group
from ganreg.errors import GanregError, Interrupted

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, by default this process's, and return its exit code. Prints errors, raises none."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # Docstrings hold letters that an old terminal lacks.
            stream.reconfigure(errors="backslashreplace")
    app = App()
    try:
        code = group.main(arguments, prog_name="ganreg", standalone_mode=False, obj=app)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("interrupted", err=True)
        return Interrupted.exit_code
    except Exception as error:
        if app.debug:
            traceback.print_exception(error)
        failures.show(error)
        return error.exit_code if isinstance(error, GanregError) else 1
