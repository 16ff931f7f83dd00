"""Files for parts that read some: a folder of pictures, and what to do where data is missing."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ganreg.errors import DataError, PluginError
from ganreg.testing.check import Skip

SIDE = 20
COLOURS = {"cold": ("navy", "teal", "white"), "warm": ("maroon", "orange", "black")}
"""Two classes of three pictures."""


@cache
def picture_folder() -> Path:
    """PNG pictures of 20x20 pixels in one sub-folder per class; gone when the process ends."""
    from PIL import Image

    folder = scratch() / "pictures"
    for name, colours in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for colour in colours:
            picture = Image.new("RGB", (SIDE, SIDE), colour)
            picture.paste("gray", (0, 0, SIDE // 2, SIDE // 3))
            picture.save(folder / name / f"{colour}.png")
    return folder


@cache
def scratch() -> Path:
    """A folder of this process alone, gone when it ends."""
    folder = Path(tempfile.mkdtemp(prefix="ganreg-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def present(look: Callable[[], Any]) -> Any:
    """What looking at data gives. Raises Skip where it, or a package to look with, is not on this machine.

    What is cached on the way goes to a folder of this process, where the system's convention lets it be told.
    """
    try:
        with patch.dict(os.environ, {"XDG_CACHE_HOME": str(scratch() / "cache")}):
            return look()
    except DataError as error:
        raise Skip(f"its data is not here: {error}") from None
    except PluginError as error:
        raise Skip(f"what it needs is not installed: {str(error).splitlines()[0]}") from None
