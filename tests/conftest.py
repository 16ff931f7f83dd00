"""What all tests share: a run that is small enough to be trained in a moment, and environments to install into.

The parts are those of ganreg-proofs, by name, defaults too: what tests the core hangs on no first-party plugin.
"""

import json
import os
import subprocess
import sysconfig
import venv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import ganreg
from ganreg.api import Run
from ganreg.engine.loop import Stop
from ganreg.engine.state import same
from ganreg.errors import Interrupted

Tiny = Callable[..., Run]


def begin(run: Run, steps: int) -> None:
    """Train the first steps, after which a signal stops the run."""
    stop = Stop()
    with pytest.raises(Interrupted):
        run.train(stop=stop, tick=lambda done: setattr(stop, "signal_number", 15) if done == steps - 1 else None)


def go_on_alike(whole: Run, stopped: Run, steps: int = 4) -> None:
    """Train both, of which the second one is stopped after some steps: they end in the same state."""
    whole.train()
    begin(stopped, steps)
    stopped.train(resume=True)
    assert whole.training is not None
    assert stopped.training is not None
    assert same(whole.training.match.state(), stopped.training.match.state())


PARTS: dict[str, Any] = {
    "data": {"name": "tiny-pictures", "side": 28, "classes": 10, "count": 40},
    "generator": "tiny-generator",
    "discriminator": "tiny-discriminator",
    "loss": "tiny-hinge",
    "game": "tiny-standard",
    "schedule": "tiny-alternating",
}
SETTINGS: dict[str, Any] = {
    "optimizers": {"generator": "tiny-adam", "discriminator": "tiny-adam"},
    "latent": 8,
}
TINY: dict[str, Any] = {
    **PARTS,
    **SETTINGS,
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


@pytest.fixture(scope="session")
def composition() -> dict[str, Any]:
    """The keys of a spec that say what the run is made of, as they are in `tiny`."""
    return {**PARTS, **SETTINGS}


@pytest.fixture(scope="session")
def options() -> Callable[[int], tuple[str, ...]]:
    """The same as options of a command, in a run of some steps; those that follow replace them."""
    named = (word for key, part in PARTS.items() for word in (f"--{key}", json.dumps(part)))
    settings = {**SETTINGS, "train.device": "cpu", "train.batch_size": 8, "output.samples": 4}
    words = (*named, *(word for key, value in settings.items() for word in ("--set", f"{key}={json.dumps(value)}")))
    return lambda steps: (*words, "--set", f"train.steps={steps}")


@pytest.fixture(scope="session")
def good() -> str:
    """The code of a plugin with one loss, `mine`."""
    return """
from ganreg import Loss, hookimpl

class Mine(Loss, name="mine"):
    pass

@hookimpl
def ganreg_components():
    return [Mine]
"""


SCRIPT = """#!{python}
import runpy, sys
sys.argv[0] = "{name}"
runpy.run_module("{name}", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment that has all that this one has, and the commands of pip, pytest and ganreg.

    It is as if pip had fetched it. What is installed there stays there, and pip asks no index.
    """

    folder: Path

    @property
    def site(self) -> Path:
        """Where packages are installed."""
        return Path(sysconfig.get_path("purelib", vars={"base": str(self.folder), "platbase": str(self.folder)}))

    @property
    def variables(self) -> Mapping[str, str]:
        """With which commands run in it."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("GANREG_", "PYTHON"))}
        return {
            **clean,
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "GANREG_CACHE": str(self.folder / "cache"),
            "PIP_NO_INDEX": "1",
            "PIP_NO_DEPS": "1",
            "PIP_NO_CACHE_DIR": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it as the value of what the option turns off
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "COLUMNS": "80",
        }

    def create(self) -> None:
        """Make it, where nothing is yet."""
        venv.EnvBuilder(symlinks=True).create(self.folder)
        (self.site / "outer.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
        for name in ("pip", "pytest", "ganreg"):
            script = self.folder / "bin" / name
            script.write_text(SCRIPT.format(python=script.with_name("python"), name=name))
            script.chmod(0o755)

    def call(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run its Python in a folder of its own."""
        (self.folder / "work").mkdir(exist_ok=True)
        return subprocess.run(
            [str(self.folder / "bin" / "python"), *arguments],
            cwd=self.folder / "work",
            env={**self.variables, **variables},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def ganreg(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run the command line there."""
        return self.call("-m", "ganreg", *arguments, **variables)

    def install(self, *wheels: Path) -> None:
        """Install wheels as they are."""
        done = self.call("-m", "pip", "install", "--quiet", "--no-compile", *map(str, wheels))
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def environment() -> Callable[[Path], Environment]:
    """Make an environment in a folder."""

    def make(folder: Path) -> Environment:
        made = Environment(folder)
        made.create()
        return made

    return make
