"""docs/first-plugin.md is true: its commands and its code run in the order of the page, and print what it shows.

A `console` block is what a terminal shows: `$ command`, and below it, where the page shows it, all that the command
prints, with … for what differs from machine to machine. A `python` block writes the file that its first line names. A
`diff` block changes the file that its first line names. A comment `fails: CODE` before a block gives the exit code of
its commands.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).parent.parent / "docs" / "first-plugin.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(?:^<!-- fails: (\d+) -->\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEW_ENVIRONMENT = re.compile(r"python -m venv (\S+)")

Environment = Callable[[Path], Any]


class Reader:
    """Somebody who does what the page says."""

    def __init__(self, folder: Path, environment: Environment) -> None:
        self.folder = folder
        self.commands: list[str] = []
        self._make = environment
        self._variables = environment(folder / ".venv").variables

    def read(self, language: str, text: str, code: int) -> None:
        """Do what one block says."""
        if language == "console":
            for command, expected in commands(text):
                printed = self.run(command, code)
                assert not expected or matches(expected, printed), f"$ {command}\n{printed}\nis not\n{expected}"
        else:
            first, _, rest = text.partition("\n")
            file = self.folder / first.lstrip("# ").split()[0]
            {"python": self.write, "diff": self.change}[language](file, text if language == "python" else rest)

    def run(self, command: str, code: int) -> str:
        """What a command prints, both streams."""
        self.commands.append(command)
        if made := NEW_ENVIRONMENT.fullmatch(command):
            # One that has torch and ganreg already, for pip is to download nothing here.
            self._make(self.folder / made[1])
            return ""
        done = subprocess.run(
            command,
            shell=True,
            cwd=self.folder,
            env=self._variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, f"$ {command}\n{done.stdout}"
        return done.stdout

    def write(self, file: Path, text: str) -> None:
        """A new file."""
        assert not file.exists(), f"{file} is there already"
        file.write_text(text, encoding="utf-8")

    def change(self, file: Path, text: str) -> None:
        """Hunks of a diff, in each of which the old lines stand once in the file."""
        for hunk in re.split(r"^@@.*\n", text, flags=re.MULTILINE):
            lines = [(line[:1] or " ", line[1:]) for line in hunk.splitlines()]
            old, new = ("".join(f"{line}\n" for sign, line in lines if sign in signs) for signs in (" -", " +"))
            content = file.read_text(encoding="utf-8")
            assert content.count(old) == 1, f"not once in {file}:\n{old}"
            file.write_text(content.replace(old, new), encoding="utf-8")


def commands(block: str) -> Iterator[tuple[str, str]]:
    """The commands of a block, each with what is shown below it."""
    for shown in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = shown.partition("\n")
        yield command.split("  #")[0].strip(), output.strip("\n")


def matches(expected: str, printed: str) -> bool:
    """Whether all of the output is as shown, but for spaces at the ends of lines."""
    lines = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    return re.fullmatch(re.escape(expected).replace("…", ".*"), lines, re.DOTALL) is not None


@pytest.mark.needs("ganreg-classic", "ganreg-datasets")
def test_the_tutorial_does_what_it_says(tmp_path: Path, environment: Environment) -> None:
    blocks = [(language, text, int(code or 0)) for code, language, text in BLOCK.findall(PAGE)]
    assert len(blocks) == PAGE.count("\n```") // 2, "a block has no language, or is not at the margin"
    assert {language for language, _, _ in blocks} == {"console", "python", "diff"}
    reader = Reader(tmp_path, environment)
    for language, text, code in blocks:
        reader.read(language, text, code)
    first_run = next(i for i, command in enumerate(reader.commands, 1) if command.startswith("ganreg run"))
    assert first_run <= 5, "from nothing to a run by name"
    style = [sys.executable, "-m", "ruff"]
    for command in (["check", "--select", "E,F,W,I,UP,B"], ["format", "--check"]):
        subprocess.run([*style, *command, "--no-cache", "ganreg-sparkle"], cwd=tmp_path, check=True)
