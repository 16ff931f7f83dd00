"""Any first-party plugin can be missing: every command of the core works, and says what would bring what lacks."""

import json

import pytest

from ganreg.cli import main
from ganreg.registry import first_party

COMPOSITION = {
    "generator": "mlp",
    "discriminator": "mlp",
    "loss": "hinge",
    "dataset": "fashion-mnist-10k",
}
"""Parts of every first-party plugin, by kind."""
OPTIONS = [word for kind, name in COMPOSITION.items() for word in (f"--{kind}".replace("dataset", "data"), name)]


@pytest.fixture(params=first_party())
def missing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A first-party plugin that is not there; the others are."""
    monkeypatch.setenv("GANREG_PLUGINS", ",".join(first_party().keys() - {request.param}))
    return str(request.param)


@pytest.mark.parametrize("command", ["list", "plugins", "doctor", "schema"])
def test_commands_work(missing: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert f"{missing}/" not in shown.out


def test_a_part_that_lacks_is_named_with_what_brings_it(missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    known = first_party()[missing]
    here = {kind: name for kind, name in COMPOSITION.items() if name in known["components"].get(kind, ())}
    assert here, f"the composition has no part of {missing}"
    assert main(["check", *OPTIONS]) == 3
    told = capsys.readouterr().err
    for kind, name in here.items():
        assert f"no {kind} is called '{name}'" in told
    assert told.count(f"help: pip install {known['distribution']}") >= len(here)
    for name in here.values():
        assert main(["show", name]) == 3
        assert f"pip install {known['distribution']}" in capsys.readouterr().err


def test_the_others_are_listed(missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    found = {record["id"].partition("/")[0] for record in json.loads(capsys.readouterr().out)}
    assert found == first_party().keys() - {missing}
