"""`ganreg install` and `ganreg uninstall`, with a real pip in environments of their own."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Environment = Any  # of conftest
Wheel = Callable[..., Path]

GOOD = """
from ganreg import Loss, hookimpl

class Mine(Loss, name="mine"):
    pass

@hookimpl
def ganreg_components():
    return [Mine]
"""


@pytest.fixture
def environment(make: Callable[[], Environment]) -> Environment:
    return make()


def test_a_plugin_comes_and_goes(environment: Environment, wheel: Wheel) -> None:
    come = environment.ganreg("install", str(wheel("sound", GOOD)))
    assert come.returncode == 0, come.stderr + come.stdout
    assert "Successfully installed ganreg-sound-0.1" in come.stdout
    assert re.search(r"^sound  ganreg-sound 0\.1 +1 components .* ok$", come.stdout, re.MULTILINE)
    assert "sound/mine" in environment.ganreg("list", "loss").stdout

    again = environment.ganreg("install", str(wheel("sound", GOOD, version="0.2")))
    assert re.search(r"^sound  ganreg-sound 0\.2 ", again.stdout, re.MULTILINE)

    gone = environment.ganreg("uninstall", "sound")
    assert (gone.returncode, gone.stderr) == (0, "")
    assert "Successfully uninstalled ganreg-sound-0.2" in gone.stdout
    assert "sound/mine" not in environment.ganreg("list", "loss").stdout


def test_an_editable_plugin_is_found_at_once(environment: Environment, wheel: Wheel) -> None:
    project = wheel("sound", GOOD).parent
    environment.call("-m", "pip", "install", "--no-deps", "--no-build-isolation", "--editable", str(project))
    assert "sound/mine" in environment.ganreg("list", "loss").stdout
    code = project / "ganreg_sound" / "__init__.py"
    code.write_text(GOOD.replace('"mine"', '"edited"'))
    assert "sound/edited" in environment.ganreg("list", "loss").stdout


def test_a_broken_plugin_is_told_when_it_comes_and_is_not_imported_when_it_goes(
    environment: Environment, wheel: Wheel
) -> None:
    come = environment.ganreg("install", str(wheel("bad", "import nothing_of_that_name")))
    assert come.returncode == 4
    assert "Successfully installed ganreg-bad-0.1" in come.stdout
    assert re.search(r"^bad  ganreg-bad 0\.1  problem: ModuleNotFoundError: .*; help: ", come.stdout, re.MULTILINE)

    environment.install(wheel("bad", "import time; time.sleep(3600)", version="0.2"))
    started = time.monotonic()
    gone = environment.ganreg("uninstall", "bad")
    assert gone.returncode == 0, gone.stderr
    assert "Successfully uninstalled ganreg-bad-0.2" in gone.stdout
    assert time.monotonic() - started < 9, "it seems to have been imported"
    assert "ganreg-bad" not in environment.ganreg("plugins").stdout


def test_one_of_two_that_claim_a_namespace_must_be_named(environment: Environment, wheel: Wheel) -> None:
    environment.install(*(wheel("claimed", GOOD, distribution=name) for name in ("ganreg-first", "ganreg-second")))
    refused = environment.ganreg("uninstall", "claimed")
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "`ganreg uninstall ganreg-first` or `ganreg uninstall ganreg-second`" in refused.stderr
    assert environment.ganreg("uninstall", "ganreg-first").returncode == 0
    assert environment.ganreg("doctor", "claimed").returncode == 0


def test_what_pip_leaves_is_not_said_to_be_gone(
    environment: Environment, make: Callable[[], Environment], wheel: Wheel
) -> None:
    """pip leaves alone what lies outside its environment, and calls that a success."""
    environment.install(wheel("sound", GOOD))
    other = make()
    (other.site / "theirs.pth").write_text(f"{environment.site}\n")
    done = other.ganreg("uninstall", "sound")
    assert done.returncode == 4, done.stdout
    assert "pip did not uninstall ganreg-sound; what it said is above" in done.stderr
    assert "outside environment" in done.stdout
