"""Errors as users see them: what is wrong, where, and what to do; never a traceback."""

from __future__ import annotations

import os

import click

from ganreg import processes
from ganreg.errors import DivergenceError, GanregError, Interrupted, SpecError, UsageError, printable

COMMON = (SpecError, UsageError, DivergenceError, Interrupted)


def show(error: Exception) -> None:
    """Print an error on stderr; what all processes of a run meet alike is told by the first."""
    if processes.rank() > 0 and isinstance(error, COMMON):
        return
    color = False if os.environ.get("NO_COLOR") else None
    click.echo("\n".join(map(_painted, _text(error).split("\n"))), err=True, color=color)


def _text(error: Exception) -> str:
    who = f"process {processes.rank()}: " if processes.rank() > 0 else ""
    if isinstance(error, SpecError):
        shown = [str(m) if m.position else f"error: {m}" for m in error.mistakes]
        count = [f"{len(shown)} mistakes"] if len(shown) > 1 else []
        return "\n".join([*shown, *count])
    message = who + "\n".join(map(printable, str(error).split("\n")))
    if isinstance(error, Interrupted):
        return message
    if isinstance(error, GanregError):
        return f"error: {message}"
    if isinstance(error, OSError):
        place = f" {error.filename}" if error.filename else ""
        return f"error: {printable(f'cannot read or write{place}: {error.strerror or error}')}"
    if _out_of_memory(error):
        ways = "a smaller train.batch_size, a larger train.accumulate, or train.reuse_fakes=false"
        return f"error: out of memory: {message}\n  help: try {ways}; of pictures alone, fewer"
    return (
        f"error: internal error: {type(error).__name__}: {message}\n"
        "  help: `ganreg --debug …` shows where; please report it with what that prints"
    )


def _out_of_memory(error: Exception) -> bool:
    """Whether it is that; what torch raises is no MemoryError, and on a CPU it is known by its words alone."""
    torchs = type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)
    return isinstance(error, MemoryError) or torchs


def _painted(line: str) -> str:
    if line.startswith("error: "):
        return click.style("error: ", fg="red", bold=True) + line.removeprefix("error: ")
    if line.startswith("  help: "):
        return click.style(line, fg="cyan")
    if line.endswith("^") and not line.strip(" |^"):
        return click.style(line, fg="red")
    return line
