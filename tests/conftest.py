"""What all tests share: a run that is small enough to be trained in a moment, and environments to install into."""

import os
import sysconfig
import venv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import ganreg
from ganreg.api import Run

Tiny = Callable[..., Run]
Environment = Callable[[Path], Mapping[str, str]]

TINY: dict[str, Any] = {
    "data": "fashion-mnist-10k",
    "generator": {"name": "mlp", "widths": [16]},
    "discriminator": {"name": "mlp", "widths": [16]},
    "loss": "hinge",
    "latent": 8,
    "train": {"steps": 6, "batch_size": 4, "device": "cpu"},
    "output": {"samples_every": 2, "samples": 4, "checkpoint_every": 2, "log_every": 1},
}


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    """A run of a few small layers in a folder of its own; keywords replace keys of the spec, mappings by key."""

    def make(*, name: str = "run", **changes: Any) -> Run:
        spec = {**TINY, **changes}
        for key in ("train", "output"):
            spec[key] = {**TINY[key], **changes.get(key, {})}
        spec["output"].setdefault("folder", tmp_path / name)
        return ganreg.compose(**spec)

    return make


SCRIPT = """#!{python}
import runpy, sys
sys.argv[0] = "{name}"
runpy.run_module("{name}", run_name="__main__", alter_sys=True)
"""


@pytest.fixture(scope="session")
def environment() -> Environment:
    """Make a virtual environment in a folder, and return the variables with which commands run in it.

    It has all that this one has, the commands of pip, pytest and ganreg too, as if pip had fetched it. What is
    installed there stays there, and pip asks no index.
    """

    def make(folder: Path) -> Mapping[str, str]:
        venv.EnvBuilder(symlinks=True).create(folder)
        bin_ = folder / "bin"
        site = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
        Path(site, "outer.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
        for name in ("pip", "pytest", "ganreg"):
            (bin_ / name).write_text(SCRIPT.format(python=bin_ / "python", name=name))
            (bin_ / name).chmod(0o755)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("GANREG_", "PYTHON"))}
        return {
            **clean,
            "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}",
            "GANREG_CACHE": str(folder / "cache"),
            "PIP_NO_INDEX": "1",
            "PIP_NO_DEPS": "1",
            "PIP_NO_CACHE_DIR": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it as the value of what the option turns off
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "80",
        }

    return make
