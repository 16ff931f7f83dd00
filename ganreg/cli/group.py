"""The command `ganreg` itself: its options, and its commands by name."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

import click

from ganreg import processes
from ganreg.cli.app import App

COMMANDS = {
    "run": "Train a GAN.",
    "resume": "Go on with a run that was stopped.",
    "sample": "Generate pictures with a trained GAN.",
    "export": "Write a trained generator into a file.",
    "eval": "Measure a trained GAN.",
    "sweep": "Train every combination of some values.",
    "compare": "Compare runs, their seeds pooled.",
    "report": "Write the report of a run again.",
    "check": "Check a spec without training.",
    "list": "List the components that are installed.",
    "show": "Show what a component does and takes.",
    "diff": "Tell what differs between two runs.",
    "schema": "Write the JSON Schema of spec files.",
    "new": "Begin a plugin.",
    "test": "Check a plugin's components against the contracts.",
    "plugins": "List the plugins that are installed.",
    "install": "Install plugins.",
    "uninstall": "Uninstall plugins.",
    "doctor": "Tell what is installed, and what is wrong with it.",
}
"""Every command with its line of help, so that `ganreg --help` imports none of them."""
TOGETHER = ("run", "resume")
"""What several processes do together."""


class LazyGroup(click.Group):
    """Commands that are imported when they are called, each from the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name; None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"ganreg.cli.commands.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but with the nearest name for one that is unknown."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(name, COMMANDS, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(COMMANDS)}"
            raise click.UsageError(f"no command is called '{name}': {hint}", ctx)
        if processes.size() > 1 and name in COMMANDS and name not in TOGETHER:
            raise click.UsageError(f"'{name}' is the work of one process: call it without torchrun", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table, without importing the commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--no-plugins", is_flag=True, help="Load no plugins. GANREG_PLUGINS=a,b loads only these.")
@click.option(
    "--plugin",
    "files",
    metavar="FILE",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Load the parts in this Python file too; may be repeated.",
)
@click.option("--debug", is_flag=True, envvar="GANREG_DEBUG", help="Show tracebacks; so does GANREG_DEBUG=1.")
@click.version_option(package_name="ganreg", message="%(prog)s %(version)s")
@click.pass_context
def group(context: click.Context, no_plugins: bool, files: tuple[Path, ...], debug: bool) -> None:
    """GANs from parts that install with pip and compose by name.

    \b
    A first run:
      ganreg run --generator dcgan --discriminator dcgan --loss hinge
                 --data fashion-mnist-10k --set train.steps=200
    """
    app = context.ensure_object(App)
    app.debug, app.plugins, app.files = debug, not no_plugins, files
    if os.environ.get("NO_COLOR"):
        context.color = False
