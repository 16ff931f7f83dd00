"""What the options before a command set, for all commands."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ganreg.registry import Registry


class App:
    """One call of the command line.

    debug: show tracebacks. plugins: load plugins.
    """

    def __init__(self) -> None:
        self.debug = False
        self.plugins = True

    @cached_property
    def registry(self) -> Registry:
        """What is installed, of what may load."""
        from ganreg.registry import Registry

        return Registry.discover(plugins=self.plugins)
