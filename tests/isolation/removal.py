"""Remove each first-party plugin in turn, and run the tests of the core and of all other plugins without it.

    python -m tests.isolation.removal                     every plugin; as long as so many runs of the suite
    python -m tests.isolation.removal --plugin classic -- tests/engine -x

A plugin is removed from an environment of its own, which has everything else that this one has. Tests about what the
plugin offers are skipped and say so; nothing may fail, and nothing else may be skipped.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Sequence
from importlib.metadata import distribution
from pathlib import Path

import click

from ganreg.registry import first_party

ROOT = Path(__file__).parents[2]


def without(name: str, folder: Path) -> Path:
    """The Python of a new environment that has, by links, all that this one has but a distribution."""
    venv.EnvBuilder(symlinks=True).create(folder)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    removed = {file.parts[0] for file in distribution(name).files or ()}
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if entry.name not in removed:
            (site / entry.name).symlink_to(entry)
    # A program and no script, which `python -m ruff` looks for beside its Python.
    (folder / "bin" / "ruff").symlink_to(Path(sysconfig.get_path("scripts"), "ruff"))
    return folder / "bin" / "python"


def suites(namespace: str) -> list[str]:
    """The tests that must not miss a plugin."""
    own = ROOT / "plugins" / first_party()[namespace]["distribution"]
    others = sorted(folder for folder in (ROOT / "plugins").iterdir() if folder != own)
    return ["tests", *(str((folder / "tests").relative_to(ROOT)) for folder in others if (folder / "tests").is_dir())]


def outcome(namespace: str, arguments: Sequence[str], folder: Path) -> tuple[str, list[str]]:
    """What pytest counts in the end without a plugin, and what is wrong."""
    name = first_party()[namespace]["distribution"]
    python = without(name, folder)
    command = [str(python), "-m", "pytest", "-q", "-rsfE", "-p", "no:cacheprovider", *arguments]
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("GANREG_", "PYTEST_"))}
    done = subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    skipped = [line for line in lines if line.startswith("SKIPPED")]
    wrong = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    wrong += [
        line for line in skipped if not re.search(rf": needs (\S+, )*{name}(, \S+)*, which is not installed", line)
    ]
    if done.returncode and not wrong:
        wrong = [*lines[-20:], done.stderr]
    return lines[-1] if lines else "", wrong


@click.command()
@click.option("--plugin", "plugins", multiple=True, type=click.Choice(sorted(first_party())), help="These alone.")
@click.argument("arguments", nargs=-1)
def main(plugins: tuple[str, ...], arguments: tuple[str, ...]) -> None:
    """Run the tests without each first-party plugin. ARGUMENTS go to pytest in place of all tests and `-n auto`."""
    failed = False
    for namespace in plugins or sorted(first_party()):
        with tempfile.TemporaryDirectory() as folder:
            counts, wrong = outcome(namespace, arguments or ("-n", "auto", *suites(namespace)), Path(folder))
        failed = failed or bool(wrong)
        click.echo("\n".join([f"without {namespace}: {counts}", *(f"  {line}" for line in wrong)]))
    sys.exit(failed)


if __name__ == "__main__":
    main()
