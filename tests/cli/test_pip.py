"""`install` and `uninstall`: which pip command they are, and when there is none. tests/isolation runs them."""

import shlex
import sys
from collections.abc import Callable
from typing import Any

import pytest

Call = Callable[..., Any]
Install = Callable[[str, str], None]


@pytest.mark.parametrize(
    ("name", "requirement"),
    [
        ("classic", "ganreg-classic"),
        ("my-parts", "ganreg-my-parts"),
        ("My_Parts", "ganreg-my-parts"),
        ("classic==1.0", "ganreg-classic==1.0"),
        ("classic>=1,<2", "ganreg-classic>=1,<2"),
        ("classic[extra]~=1.0", "ganreg-classic[extra]~=1.0"),
        ("ganreg-classic", "ganreg-classic"),
        ("ganreg_classic", "ganreg_classic"),
        ("ganreg==1.0", "ganreg==1.0"),
        ("ganregular", "ganreg-ganregular"),
        ("./classic", "./classic"),
        ("some/folder", "some/folder"),
        (".", "."),
        ("ganreg_mine-1.0-py3-none-any.whl", "ganreg_mine-1.0-py3-none-any.whl"),
        ("mine-1.0.tar.gz", "mine-1.0.tar.gz"),
        ("https://example.org/mine.whl", "https://example.org/mine.whl"),
        ("git+https://example.org/mine", "git+https://example.org/mine"),
        ("mine @ https://example.org/mine", "mine @ https://example.org/mine"),
        (r"C:\mine", r"C:\mine"),
    ],
)
def test_a_namespace_is_installed_from_its_distribution(ganreg: Call, name: str, requirement: str) -> None:
    result = ganreg("install", name, "--dry-run")
    assert (result.code, result.err) == (0, "")
    assert shlex.split(result.out) == [sys.executable, "-m", "pip", "install", requirement]


def test_several_and_newer(ganreg: Call) -> None:
    out = ganreg("install", "classic", "datasets", "--upgrade", "--dry-run").out
    assert out.endswith("pip install --upgrade ganreg-classic ganreg-datasets\n")


def test_pip_s_failure_is_ours(ganreg: Call) -> None:
    result = ganreg("install", "./nothing_here.whl")
    assert result.code == 4
    assert "pip install failed with exit code 1" in result.err


@pytest.mark.parametrize("name", ["other", "ganreg-other"])
def test_a_plugin_is_uninstalled_by_namespace_or_distribution(ganreg: Call, install: Install, name: str) -> None:
    install("other", "import nothing_of_that_name")
    out = ganreg("uninstall", name, "--dry-run").out
    assert shlex.split(out) == [sys.executable, "-m", "pip", "uninstall", "--yes", "ganreg-other"]


@pytest.mark.parametrize("options", [("--no-plugins",), ()])
def test_what_may_load_does_not_matter(ganreg: Call, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]) -> None:
    monkeypatch.setenv("GANREG_PLUGINS", "")
    assert "ganreg-proofs" in ganreg(*options, "uninstall", "proofs", "--dry-run").out


@pytest.mark.parametrize("name", ["profs", "torch", "ganreg", "ganreg-nothing"])
def test_only_plugins_that_are_there_are_uninstalled(ganreg: Call, name: str) -> None:
    result = ganreg("uninstall", name, "--dry-run")
    assert (result.code, result.out) == (4, "")
    assert f"no plugin '{name}' is installed" in result.err


def test_an_environment_without_pip(ganreg: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)  # how Python itself notes that there is none
    result = ganreg("install", "classic")
    assert result.code == 4
    assert "has no pip" in result.err
    assert "`uv pip install ganreg-classic`" in result.err
