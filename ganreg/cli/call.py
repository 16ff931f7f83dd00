"""A call of the command line."""

from __future__ import annotations

import traceback
from collections.abc import Sequence

import click

from ganreg.cli import failures
from ganreg.cli.app import App
from ganreg.cli.compiler import compiler_when_asked
from ganreg.cli.group import group
from ganreg.errors import GanregError, Interrupted


def call(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code. Prints errors, raises none."""
    app = App()
    try:
        with compiler_when_asked():
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
