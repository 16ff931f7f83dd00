"""Remove each first-party plugin in turn, and run the tests of the core and of all other plugins without it.

    python -m tests.isolation.removal                     every plugin; as long as so many runs of the suite
    python -m tests.isolation.removal --plugin classic -- tests/engine -x
    python -m tests.isolation.removal --together --plugin losses --plugin augment -- -m "not needs" tests

A plugin is removed from an environment of its own, with those that say that they need it, as pip would have it;
everything else that this one has is there. Tests about what the plugin offers are skipped and say so; nothing may fail,
and no other test may be skipped.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterable, Sequence
from importlib.metadata import distribution, distributions
from pathlib import Path

import click
from packaging.requirements import Requirement

from ganreg.registry import first_party

ROOT = Path(__file__).parents[2]


def needing(name: str) -> set[str]:
    """A distribution, and those of this repository's plugins that require it, one through another too."""
    found, before = {name}, set[str]()
    while found != before:
        before = set(found)
        for other in distributions():
            if other.name.startswith("ganreg-"):
                requires = {Requirement(text).name for text in other.requires or ()}
                found |= {other.name} if requires & found else set()
    return found


def without(names: Iterable[str], folder: Path) -> Path:
    """The Python of a new environment that has, by links, all that this one has but some distributions."""
    venv.EnvBuilder(symlinks=True).create(folder)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    removed = {file.parts[0] for name in names for file in distribution(name).files or ()}
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if entry.name not in removed:
            (site / entry.name).symlink_to(entry)
    # What is looked for beside Python: a program, and the script of the command line.
    python = folder / "bin" / "python"
    python.with_name("ruff").symlink_to(Path(sysconfig.get_path("scripts"), "ruff"))
    python.with_name("ganreg").write_text(f"#!{python}\nimport sys\nfrom ganreg.cli import main\nsys.exit(main())\n")
    python.with_name("ganreg").chmod(0o755)
    return python


def suites(removed: Iterable[str]) -> list[str]:
    """The tests of the core and of every plugin that is still there."""
    left = {other.name for other in distributions()} - {*removed}
    own = [folder for folder in sorted((ROOT / "plugins").iterdir()) if folder.name in left]
    return ["tests", *(str((folder / "tests").relative_to(ROOT)) for folder in own)]


def outcome(removed: set[str], arguments: Sequence[str], folder: Path) -> tuple[str, list[str]]:
    """What pytest counts in the end without some distributions, and what is wrong."""
    python = without(removed, folder)
    command = [str(python), "-m", "pytest", "-q", "-rsfE", "-p", "no:cacheprovider", *arguments]
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("GANREG_", "PYTEST_"))}
    done = subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    wrong = [line for line in lines if line.startswith(("FAILED", "ERROR", "SKIPPED")) and not expected(line, removed)]
    if done.returncode and not wrong:
        wrong = [*lines[-20:], done.stderr]
    return lines[-1] if lines else "", wrong


def expected(line: str, removed: set[str]) -> bool:
    """Whether a line of pytest's summary tells of a test that is skipped for what has been removed.

    A check of the conformance kit that does not apply to a part is skipped as well, whatever is installed.
    """
    if line.startswith("SKIPPED") and "_pytest/unittest.py:" in line:
        return True
    told = re.search(r"^SKIPPED.*: needs ([\w-]+(?:, [\w-]+)*), which is not installed", line)
    return told is not None and bool(removed & set(told[1].split(", ")))


@click.command()
@click.option("--plugin", "plugins", multiple=True, type=click.Choice(sorted(first_party())), help="These alone.")
@click.option("--together", is_flag=True, help="Remove them all at once.")
@click.argument("arguments", nargs=-1)
def main(plugins: tuple[str, ...], together: bool, arguments: tuple[str, ...]) -> None:
    """Run the tests without each first-party plugin. ARGUMENTS go to pytest in place of all tests and `-n auto`."""
    failed = False
    names = [first_party()[namespace]["distribution"] for namespace in plugins or sorted(first_party())]
    for group in [names] if together else [[name] for name in names]:
        removed = set().union(*map(needing, group))
        with tempfile.TemporaryDirectory() as folder:
            counts, wrong = outcome(removed, arguments or ("-n", "auto", *suites(removed)), Path(folder))
        failed = failed or bool(wrong)
        click.echo("\n".join([f"without {', '.join(sorted(removed))}: {counts}", *(f"  {line}" for line in wrong)]))
    sys.exit(failed)


if __name__ == "__main__":
    main()
