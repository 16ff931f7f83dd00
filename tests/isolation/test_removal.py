"""Any first-party plugin can be missing: every command of the core works, and says what would bring what lacks.

That all tests of the core and of the other plugins pass without it is `python -m tests.isolation.removal`; here is a
sample.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from ganreg.cli import main
from ganreg.cli.composition import NAMES
from ganreg.registry import first_party
from ganreg.registry.discovery import GROUP
from tests.isolation.removal import needing

ROOT = Path(__file__).parents[2]
KINDS = {"data": "dataset", "augment": "augmentation"}
OPTIONS = {KINDS.get(key, key): f"--{key}" for key in (*NAMES, "penalty")}
"""How a part of a kind is named on the command line."""

pytestmark = pytest.mark.needs(*(known["distribution"] for known in first_party().values()))


def others(namespace: str) -> set[str]:
    """The first-party plugins that are there where one is not."""
    gone = needing(first_party()[namespace]["distribution"])
    return {name for name, known in first_party().items() if known["distribution"] not in gone}


@pytest.fixture(params=first_party())
def missing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A first-party plugin that is not there; those that do not need it are."""
    there = others(request.param)
    monkeypatch.setenv("GANREG_PLUGINS", ",".join(there))
    points = tuple(point for point in entry_points(group=GROUP) if point.name in there or point.name == "proofs")
    monkeypatch.setattr("ganreg.registry.discovery.entry_points", lambda group: points)
    return str(request.param)


@pytest.mark.parametrize("command", ["list", "plugins", "doctor"])
def test_commands_work(missing: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert f"{missing}/" not in shown.out


def test_the_schema_offers_the_others_alone(missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    choices = re.findall(r'"enum": \[(.*?)\]', capsys.readouterr().out, re.DOTALL)
    found = {word.partition("/")[0] for words in choices for word in re.findall(r'"([^"]+/[^"]+)"', words)}
    assert found == others(missing)


def test_a_part_that_lacks_is_named_with_what_brings_it(missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    known = first_party()[missing]
    remedy = f"pip install {known['distribution']}"
    for kind, names in known["components"].items():
        elsewhere = {
            n for plugin in first_party().values() if plugin != known for n in plugin["components"].get(kind, ())
        }
        name = min(set(names) - elsewhere)
        assert main(["show", kind, name]) == 3
        assert remedy in capsys.readouterr().err
        if kind in OPTIONS:
            assert main(["check", OPTIONS[kind], name]) == 3
            told = capsys.readouterr().err
            assert f"no {kind} is called '{name}'" in told
            assert f"help: {remedy}" in told


def test_the_others_are_listed(missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    found = {record["id"].partition("/")[0] for record in json.loads(capsys.readouterr().out)}
    assert found == others(missing)


def test_a_run_trains(
    missing: str, options: Callable[[int], tuple[str, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANREG_PLUGINS", ",".join({"proofs", *others(missing)}))
    assert main(["run", *options(1), "--out", str(tmp_path / "run")]) == 0


ALL = list(first_party())
SAMPLES = [(["classic"], ["tests/test_public.py"]), (ALL, ["tests/test_public.py", "tests/engine/test_ema.py"])]


@pytest.mark.parametrize(("namespaces", "tests"), SAMPLES, ids=["classic", "all"])
def test_a_sample_of_the_tests_passes_without_it(namespaces: list[str], tests: list[str]) -> None:
    removed = [word for namespace in namespaces for word in ("--plugin", namespace)]
    command = [sys.executable, "-m", "tests.isolation.removal", "--together", *removed, "--", "-p", "no:xdist", *tests]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
