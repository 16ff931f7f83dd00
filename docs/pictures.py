"""Write the pictures of docs/parts.md: `python docs/pictures.py`, or `python docs/pictures.py classic-dcgan` for one.

Each spec in docs/pictures/ is named after the generator that it shows, and becomes a picture beside it. One takes about
two minutes on two cores.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "pictures"
RUNS = Path(__file__).parent.parent / "runs" / "pictures"
COUNT = 36
"""Samples in a picture: a grid of 6x6."""


def draw(recipe: Path) -> None:
    """Train by a spec, and write samples beside it."""
    folder = RUNS / recipe.stem
    ganreg("run", recipe, "--out", folder, "--overwrite")
    ganreg("sample", folder, "--count", COUNT, "--out", recipe.with_suffix(".png"))


def ganreg(*arguments: object) -> None:
    """The command line."""
    subprocess.run([sys.executable, "-m", "ganreg", *map(str, arguments)], check=True)


if __name__ == "__main__":
    for path in sorted(FOLDER.glob("*.yaml")):
        if len(sys.argv) == 1 or path.stem in sys.argv[1:]:
            draw(path)
