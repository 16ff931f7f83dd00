"""pip, called for plugins in the environment that ganreg runs in."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib.util import find_spec

import click

from ganreg.errors import PluginError, UsageError

PLAIN = re.compile(r"(?P<name>[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*)(?P<rest>(?:\[.*\])?(?:[=<>!~].*)?)")
FILES = (".whl", ".tar.gz", ".zip")


def requirement(name: str) -> str:
    """What pip installs for a name: a namespace becomes its distribution; files, folders and URLs stay what they are.

    So does a name that begins with "ganreg-". No other plain name reaches pip, where it would mean anything.
    Raises UsageError for no name.
    """
    if not name.strip():
        raise UsageError(f"'{name}' is no name of a plugin")
    plain = PLAIN.fullmatch(name)
    if not plain or name.endswith(FILES):
        return name
    namespace = re.sub("[._-]+", "-", plain["name"].lower())
    return name if f"{namespace}-".startswith("ganreg-") else f"ganreg-{namespace}{plain['rest']}"


def pip(*arguments: str, dry_run: bool) -> None:
    """Run pip, whose output streams through; or print the command. Raises PluginError where it fails."""
    command = [sys.executable, "-m", "pip", *arguments]
    if dry_run:
        click.echo(shlex.join(command))
        return
    if find_spec("pip") is None:
        raise PluginError(
            f"this environment has no pip: {sys.prefix}\n"
            f"  help: `{shlex.quote(sys.executable)} -m ensurepip`, or `uv pip {shlex.join(arguments)}`"
        )
    code = subprocess.run(command, check=False).returncode
    if code:
        raise PluginError(f"pip {arguments[0]} failed with exit code {code}; what it said is above")
