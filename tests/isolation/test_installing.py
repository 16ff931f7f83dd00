"""`ganreg install` and `ganreg uninstall`, with a real pip in environments of their own."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Environment = Any  # of conftest
Wheel = Callable[..., Path]


@pytest.fixture
def fresh(make: Callable[[], Environment]) -> Environment:
    return make()


def test_a_plugin_comes_and_goes(fresh: Environment, wheel: Wheel, good: str) -> None:
    come = fresh.ganreg("install", str(wheel("sound", good)))
    assert come.returncode == 0, come.stderr + come.stdout
    assert "Successfully installed ganreg-sound-0.1" in come.stdout
    assert re.search(r"^sound  ganreg-sound 0\.1 +1 components .* ok$", come.stdout, re.MULTILINE)
    assert "sound/mine" in fresh.ganreg("list", "loss").stdout

    again = fresh.ganreg("install", str(wheel("sound", good, version="0.2")))
    assert re.search(r"^sound  ganreg-sound 0\.2 ", again.stdout, re.MULTILINE)

    gone = fresh.ganreg("uninstall", "sound")
    assert (gone.returncode, gone.stderr) == (0, "")
    assert "Successfully uninstalled ganreg-sound-0.2" in gone.stdout
    assert "sound/mine" not in fresh.ganreg("list", "loss").stdout


def test_an_editable_plugin_is_found_at_once(fresh: Environment, wheel: Wheel, good: str) -> None:
    project = wheel("sound", good).parent
    fresh.call("-m", "pip", "install", "--no-deps", "--no-build-isolation", "--editable", str(project))
    assert "sound/mine" in fresh.ganreg("list", "loss").stdout
    code = project / "ganreg_sound" / "__init__.py"
    code.write_text(good.replace('"mine"', '"edited"'))
    assert "sound/edited" in fresh.ganreg("list", "loss").stdout


def test_a_broken_plugin_is_told_when_it_comes_and_is_not_imported_when_it_goes(
    fresh: Environment, wheel: Wheel, good: str
) -> None:
    come = fresh.ganreg("install", str(wheel("bad", "import nothing_of_that_name")))
    assert come.returncode == 4
    assert "Successfully installed ganreg-bad-0.1" in come.stdout
    assert re.search(r"^bad  ganreg-bad 0\.1  problem: ModuleNotFoundError: .*; help: ", come.stdout, re.MULTILINE)

    fresh.install(wheel("bad", "import time; time.sleep(3600)", version="0.2"))
    started = time.monotonic()
    gone = fresh.ganreg("uninstall", "bad")
    assert gone.returncode == 0, gone.stderr
    assert "Successfully uninstalled ganreg-bad-0.2" in gone.stdout
    assert time.monotonic() - started < 9, "it seems to have been imported"
    assert "ganreg-bad" not in fresh.ganreg("plugins").stdout


def test_one_of_two_that_claim_a_namespace_must_be_named(fresh: Environment, wheel: Wheel, good: str) -> None:
    fresh.install(*(wheel("claimed", good, distribution=name) for name in ("ganreg-first", "ganreg-second")))
    refused = fresh.ganreg("uninstall", "claimed")
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "`ganreg uninstall ganreg-first` or `ganreg uninstall ganreg-second`" in refused.stderr
    assert fresh.ganreg("uninstall", "ganreg-first").returncode == 0
    assert fresh.ganreg("doctor", "claimed").returncode == 0


def test_what_pip_leaves_is_not_said_to_be_gone(
    fresh: Environment, make: Callable[[], Environment], wheel: Wheel, good: str
) -> None:
    """pip leaves alone what lies outside its environment, and calls that a success."""
    fresh.install(wheel("sound", good))
    other = make()
    (other.site / "theirs.pth").write_text(f"{fresh.site}\n")
    done = other.ganreg("uninstall", "sound")
    assert done.returncode == 4, done.stdout
    assert "pip did not uninstall ganreg-sound; what it said is above" in done.stderr
    assert "outside environment" in done.stdout
