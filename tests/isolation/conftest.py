"""Environments with plugins that are really installed: wheels, put by pip into a virtual environment of their own.

torch, ganreg and the other plugins come from the environment that the tests run in, which stays as it is.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

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


Make = Callable[[], Any]
Wheel = Callable[..., Path]


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory, environment: Callable[[Path], Any]) -> Make:
    """Make an environment that has all that this one has, and takes more."""
    return lambda: environment(tmp_path_factory.mktemp("environment"))


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
def tiny(options: Callable[[int], tuple[str, ...]]) -> tuple[str, ...]:
    """Options of a run of one step."""
    return options(1)
