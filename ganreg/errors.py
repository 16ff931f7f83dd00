"""Everything that ganreg raises on purpose, with the exit code that the command line gives it.

```
GanregError                1    the root: `except ganreg.GanregError` catches all of them
├── UsageError             2    a command or call that cannot be meant
├── SpecError              3    the spec is wrong; carries every mistake with its position
├── PluginError            4    a plugin is missing, broken or in conflict, or not as it was locked
├── DataError              5    a dataset's files are missing or unreadable
├── CheckpointError        6    a checkpoint is missing, damaged or of another run
├── DivergenceError        7    a number stopped being finite
├── RunFolderError         8    the run folder is in use, already holds a run, or cannot be written
├── ProcessError           9    another of the processes that play the run together has ended
└── Interrupted          130    SIGINT (130) or SIGTERM (143), after the state was saved
```
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

SpecPath = tuple[str | int, ...]
"""Keys and indices that lead to a value of a spec: ("penalties", 0, "weight")."""
LONGEST = 2_000
"""Characters of a message: what it quotes from a spec can be of any length."""
SHOWN = 300
"""Characters of another error's words in a message: names in a damaged file can be of any length too."""


@dataclass(frozen=True)
class Position:
    """A place in what the user wrote: a file, or an option of the command line.

    Lines and columns count from 1. `text` is the whole line, for the caret below it.
    """

    source: str
    line: int
    column: int
    text: str = ""

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}"

    def excerpt(self) -> str:
        """The line with a caret under the column; long lines are cut around it."""
        start = max(0, self.column - 60)
        shown = printable(self.text[start : start + 100])
        margin = f"{self.line:>5} | "
        caret = " " * (len(margin) - 2) + "| " + " " * (self.column - 1 - start) + "^"
        return f"{margin}{shown}\n{caret}"


@dataclass(frozen=True)
class Mistake:
    """One thing wrong with a spec.

    `path` leads to the value ("train", "steps"); `related` are other places that the message speaks of, each
    with its own sentence; `hint` says what to do about it.
    """

    message: str
    path: SpecPath = ()
    position: Position | None = None
    hint: str = ""
    related: Sequence[tuple[str, Position | None]] = field(default=())

    @property
    def place(self) -> tuple[int, int]:
        """Line and column, by which mistakes are sorted; (0, 0) where there is no position."""
        return (self.position.line, self.position.column) if self.position else (0, 0)

    def __str__(self) -> str:
        where = str(self.position) if self.position else ".".join(map(str, self.path))
        said = self.message if self.position or not self.path else self.message.removeprefix(f"{self.path[-1]}: ")
        message = printable(shortened(said, LONGEST))
        lines = [f"{where}: {message}" if where else message]
        if self.position and self.position.text:
            lines.append(self.position.excerpt())
        for sentence, position in self.related:
            lines.append(f"{position}: {printable(sentence)}" if position else f"  {printable(sentence)}")
            if position and position.text:
                lines.append(position.excerpt())
        if self.hint:
            lines.append(f"  help: {printable(self.hint)}")
        return "\n".join(lines)


class GanregError(Exception):
    """The root of the tree."""

    exit_code = 1


class UsageError(GanregError):
    """A command or call that cannot be meant."""

    exit_code = 2


class SpecError(GanregError):
    """The spec is wrong. `mistakes` holds all that was found, in the order of the file."""

    exit_code = 3

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))


class PluginError(GanregError):
    """A plugin is missing, broken or in conflict with another, or something is not as a lock says."""

    exit_code = 4


class DataError(GanregError):
    """A dataset's files are missing or unreadable; names the path."""

    exit_code = 5


class CheckpointError(GanregError):
    """A checkpoint is missing, damaged, or does not belong to the run."""

    exit_code = 6


class DivergenceError(GanregError):
    """A loss, gradient or weight stopped being finite; names step, player and term."""

    exit_code = 7


class RunFolderError(GanregError):
    """The run folder is in use by another process, already holds a run, or cannot be written."""

    exit_code = 8


class ProcessError(GanregError):
    """Another of the processes that play the run together has ended; names it."""

    exit_code = 9


class Interrupted(GanregError):  # noqa: N818 - no error: the run did what it was asked
    """The run was asked to stop by a signal and has saved its state."""

    exit_code = 130

    def __init__(self, message: str, signal_number: int = 2) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


def brief(error: BaseException) -> str:
    """An error's own words on one line, and no more of them than a screen takes."""
    return shortened(" ".join(str(error).split()), SHOWN)


def shortened(text: str, most: int) -> str:
    """A text of so many characters at most, its end cut off where it is longer."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def printable(text: str) -> str:
    """Text that is safe on a terminal, of the same length: tabs become spaces, control characters a mark."""
    return "".join(c if c.isprintable() else " " if c == "\t" else "\ufffd" for c in text)
