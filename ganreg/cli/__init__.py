"""The command line; floor 5. Commands load when they are called, and none imports torch before it needs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from ganreg.cli.door import entered, refused

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, by default this process's, and return its exit code. Prints errors, raises none."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who called, as >&- does
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - it stays open
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # Docstrings hold letters that an old terminal lacks.
            stream.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if arguments is None else list(arguments)
    with entered(words) as taken:
        if taken and not sys.stderr.isatty():  # where the command says it in colour
            return refused(taken)
        from ganreg.cli.call import call

        return call(words)
