"""The folder of a run, claimed before the command line is even read: who comes second hears of it at once.

Only what is plain to see is seen here: the rest is claimed by `ganreg run` itself, in the same words.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ganreg import processes
from ganreg.claims import claim, taken

PLAIN = r"([\w./-]+)"
SETTING = re.compile(rf"output\.folder={PLAIN}", re.ASCII)
WRITTEN = re.compile(
    rf"^output: +\{{(?:[^{{}}\n]*,)? *folder: +{PLAIN} *[,}}]|^output: *\n(?: [^\n]*\n)*? +folder: +{PLAIN} *$",
    re.ASCII | re.MULTILINE,
)
MAX_BYTES = 2**16
"""A spec that is larger is not looked into."""


@contextmanager
def entered(arguments: Sequence[str]) -> Iterator[str | None]:
    """Hold the folder that a command line names while it is called; gives the folder that another process has."""
    folder = _folder(arguments[1:]) if arguments[:1] == ["run"] and processes.rank() == 0 else None
    try:
        let_go = claim(folder) if folder else None
    except (OSError, ValueError):  # said by the command
        folder = let_go = None
    try:
        yield folder if folder and not let_go else None
    finally:
        if let_go:
            let_go()


def refused(folder: str) -> int:
    """Say that another process has a folder, as `failures` does; the exit code."""
    from pathlib import Path

    from ganreg.errors import RunFolderError, printable

    sys.stderr.write(f"error: {printable(taken(Path(folder)))}\n")
    return RunFolderError.exit_code


def _folder(words: Sequence[str]) -> str | None:
    """The folder that the words after `run` name, as the command would find; None where that takes more reading."""
    if {"-h", "--help"}.intersection(words):
        return None
    settings = [word for word in words if word.startswith(("output", "--set=", "--out="))]
    if settings:
        setting = SETTING.fullmatch(settings[-1])
        return setting[1] if setting else None
    if "--out" in words[:-1]:
        return os.path.expanduser(words[len(words) - list(reversed(words)).index("--out")])
    return _written(words[0]) if words else None


def _written(spec: str) -> str | None:
    """The folder that a spec names."""
    try:
        if not stat.S_ISREG(os.stat(spec).st_mode):  # a pipe is read once
            return None
        with open(spec, encoding="utf-8") as file:
            text = file.read(MAX_BYTES + 1)
    except (OSError, ValueError):
        return None
    written = WRITTEN.search(text) if len(text) <= MAX_BYTES else None
    return written[1] or written[2] if written else None
