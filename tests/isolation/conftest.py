"""Environments with plugins that are really installed: wheels, put by pip into a virtual environment of their own.

torch, ganreg and the first-party plugins come from the environment that the tests run in, which stays as it is.
"""

import os
import subprocess
import sysconfig
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

PROJECT = """\
[project]
name = "{name}"
version = "{version}"
dependencies = {requires}

[project.entry-points."ganreg.plugins"]
{namespace} = "{module}"

[tool.hatch.build.targets.wheel]
only-include = ["{module}"]
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment. Its commands run in a folder of their own, with a cache of their own."""

    folder: Path

    @property
    def site(self) -> Path:
        """Where packages are installed."""
        return Path(sysconfig.get_path("purelib", vars={"base": str(self.folder), "platbase": str(self.folder)}))

    def call(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("GANREG_", "PYTHON"))}
        settings = {
            "GANREG_CACHE": str(self.folder / "cache"),
            "PIP_NO_INDEX": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "OMP_NUM_THREADS": "1",
        }
        (self.folder / "work").mkdir(exist_ok=True)
        return subprocess.run(
            [str(self.folder / "bin" / "python"), *arguments],
            cwd=self.folder / "work",
            env={**clean, **settings, **variables},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def ganreg(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return self.call("-m", "ganreg", *arguments, **variables)

    def install(self, *wheels: Path) -> None:
        done = self.call("-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", *map(str, wheels))
        assert done.returncode == 0, done.stderr


Make = Callable[[], Environment]
Wheel = Callable[..., Path]


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Make an environment that has all that this one has, and takes more."""

    def environment() -> Environment:
        folder = tmp_path_factory.mktemp("environment")
        venv.EnvBuilder(symlinks=True).create(folder)
        made = Environment(folder)
        ours = sysconfig.get_path("purelib")
        (made.site / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
        return made

    return environment


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Wheel:
    """Build the wheel of a plugin from the code of its package."""

    def built(
        namespace: str,
        code: str,
        *,
        distribution: str = "",
        version: str = "0.1",
        requires: Sequence[str] = ("ganreg>=1,<2",),
    ) -> Path:
        name = distribution or f"ganreg-{namespace}"
        module = name.replace("-", "_")
        project = tmp_path_factory.mktemp(name)
        (project / module).mkdir()
        (project / module / "__init__.py").write_text(code, encoding="utf-8")
        described = PROJECT.format(
            name=name, version=version, requires=list(requires), namespace=namespace, module=module
        )
        (project / "pyproject.toml").write_text(described, encoding="utf-8")
        (path,) = WheelBuilder(str(project)).build(directory=str(project), versions=["standard"])
        return Path(path)

    return built


@pytest.fixture
def tiny() -> tuple[str, ...]:
    """Options of a run of one step, but for its loss."""
    return (
        *("--generator", "{name: mlp, widths: [16]}", "--discriminator", "{name: mlp, widths: [16]}"),
        *("--data", "fashion-mnist-10k", "--set", "latent=8", "--set", "train.device=cpu"),
        *("--set", "train.steps=1", "--set", "train.batch_size=8", "--set", "output.samples=4"),
    )
