"""`ganreg test`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ganreg.cli import main
from ganreg.testing.check import CHECKS

Install = Callable[..., Path]

PARTS = '''
from pydantic import Field

from ganreg import Loss, hookimpl

class Plain(Loss, name="plain"):
    """-D(x) + D(G(z)) (Arjovsky et al., 2017)."""

    scale: float = Field(1.0, description="a factor")

    def discriminator(self, real, fake):
        return fake.logits.mean() - real.logits.mean()

    def generator(self, real, fake):
        return -fake.logits.mean()

class Flipped(Plain, name="flipped"):
    """D(G(z)) for the generator: the wrong sign."""

    other: float = 1.0

    def generator(self, real, fake):
        return fake.logits.mean()

@hookimpl
def ganreg_components():
    return [Plain, Flipped]
'''


@pytest.fixture(autouse=True)
def _parts(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    install("parts", PARTS)


def test_one_line_per_component_and_the_failures_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", "parts"]) == 4
    lines = capsys.readouterr().out.splitlines()
    count = sum("loss" in check.kinds for check in CHECKS)
    assert lines[0] == "plugin parts        ok      3 checks"
    assert lines[1] == f"loss parts/plain    ok      {count} checks"
    assert lines[2] == f"loss parts/flipped  failed  2 of {count} checks"
    assert lines[3:5] == ["  described: no description: other", '    help: other: … = Field(…, description="…")']
    assert lines[5].startswith("  signs: the generator's loss rises as its pictures look more real")
    assert lines[6].startswith("    help: mend the sign")
    assert lines[7].startswith(f"{3 + 2 * count} checks: 2 failed, in ")
    assert len(lines) == 8


def test_components_and_checks_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", "parts", "plain"]) == 0
    assert "all ok" in capsys.readouterr().out
    assert main(["test", "parts", "parts/flipped", "--only", "scalar"]) == 0
    assert capsys.readouterr().out.startswith("loss parts/flipped  ok      1 checks\n1 checks: all ok, in ")


def test_results_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", "parts", "flipped", "--only", "signs", "--only", "described", "--json"]) == 4
    records = json.loads(capsys.readouterr().out)
    assert [(r["kind"], r["component"], r["check"], r["status"]) for r in records] == [
        ("loss", "parts/flipped", "described", "failed"),
        ("loss", "parts/flipped", "signs", "failed"),
    ]
    assert all(r["message"] and r["remedy"] for r in records)


def test_the_checks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[lines.index("signs (loss)") + 1].startswith("  A discriminator that tells the sides apart")
    assert "described (all kinds)" in lines
    assert len(lines) == 2 * len(CHECKS)
    assert main(["test", "--list", "--json"]) == 0
    assert [record["check"] for record in json.loads(capsys.readouterr().out)] == [check.name for check in CHECKS]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "give the namespace of a plugin"),
        (["prts"], 4, "did you mean 'parts'?"),
        (["parts", "palin"], 2, "no component is called 'palin': did you mean 'plain'?"),
        (["parts", "--only", "sings"], 2, "no check is called 'sings': did you mean 'signs'?"),
    ],
)
def test_mistakes(capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str) -> None:
    assert main(["test", *arguments]) == code
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_single_file_is_tested_too(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "elsewhere" / "my_parts.py"
    file.parent.mkdir()
    file.write_text(PARTS, encoding="utf-8")
    assert main(["--plugin", str(file), "test", "my-parts", "plain"]) == 0
    assert main(["--plugin", str(file), "test", "my-parts"]) == 4
    assert "plugin my-parts" in capsys.readouterr().out
