"""What the options before a command set, for all commands."""

from __future__ import annotations

import shlex
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ganreg.registry import Registry


class App:
    """One call of the command line.

    debug: show tracebacks. plugins: load what is installed. files: plugins of a single file, which are loaded too.
    """

    def __init__(self) -> None:
        self.debug = False
        self.plugins = True
        self.files: tuple[Path, ...] = ()

    @cached_property
    def registry(self) -> Registry:
        """What is installed, of what may load, and the files. Raises PluginError where a file cannot be used."""
        from ganreg.registry import Registry

        return Registry.discover(plugins=self.plugins, files=self.files)

    def words(self, *arguments: str) -> list[str]:
        """These arguments behind the options that make another call find the same parts."""
        files = [word for file in self.files for word in ("--plugin", str(file))]
        return [*([] if self.plugins else ["--no-plugins"]), *files, *arguments]

    def again(self, *arguments: str) -> str:
        """A command line with these arguments that finds the same parts, for users to copy."""
        return shlex.join(["ganreg", *self.words(*arguments)])
