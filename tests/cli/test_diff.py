"""`diff`: what differs between two runs, as text and as JSON; 1 where they differ, 0 where they do not."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ganreg.cli.app import App
from ganreg.cli.group import group

Call = Callable[..., Any]
Options = tuple[str, ...]


@pytest.fixture
def runs(ganreg: Call, tiny: Options) -> tuple[str, str]:
    """Two equal runs in folders of their own."""
    for folder in ("one", "two"):
        assert ganreg("run", *tiny, "--set", "train.steps=1", "--out", folder).code == 0
    return "one", "two"


def edit(path: str, *changes: str) -> None:
    """Texts in a file, each replaced by the next."""
    text = Path(path).read_text()
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert text.count(old) >= 1, old
        text = text.replace(old, new)
    Path(path).write_text(text)


def test_equal_runs(ganreg: Call, runs: tuple[str, str]) -> None:
    result = ganreg("diff", *runs)
    assert (result.code, result.out, result.err) == (0, "no difference\n", "")
    result = ganreg("diff", *runs, "--json")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == {"equal": True, "spec": [], "parts": [], "versions": []}


def test_runs_of_different_specs(ganreg: Call, tiny: Options, runs: tuple[str, str]) -> None:
    options = (
        *("--loss", "tiny-wasserstein", "--penalty", "{name: tiny-clipping, limit: 0.02}", "--seed", "1"),
        *("--set", "optimizers.generator.betas=[0, 0.9]", "--set", "ema.decay=0.9", "--set", "train.steps=1"),
    )
    assert ganreg("run", *tiny, *options, "--out", "three").code == 0
    result = ganreg("diff", "one", "three")
    assert (result.code, result.err) == (1, "")
    assert result.out == (
        "spec\n"
        "  seed                        0 → 1\n"
        "  loss                        proofs/tiny-hinge → proofs/tiny-wasserstein\n"
        "+ penalties.0                 proofs/tiny-clipping\n"
        "  optimizers.generator.betas  [0.5, 0.999] → [0.0, 0.9]\n"
        "  ema.decay                   0.999 → 0.9\n"
    )
    back = ganreg("diff", "three", "one")
    assert "- penalties.0                 proofs/tiny-clipping\n" in back.out
    found = json.loads(ganreg("diff", "one", "three", "--json").out)
    assert found["equal"] is False
    assert (found["parts"], found["versions"]) == ([], [])
    paths = ["seed", "loss", "penalties.0", "optimizers.generator.betas", "ema.decay"]
    assert [change["path"] for change in found["spec"]] == paths
    assert found["spec"][0] == {"path": "seed", "first": 0, "second": 1}
    assert found["spec"][1]["second"]["name"] == "proofs/tiny-wasserstein"
    assert "first" not in found["spec"][2]
    assert found["spec"][4] == {"path": "ema.decay", "first": 0.999, "second": 0.9}


def test_runs_of_different_parts_and_versions(ganreg: Call, runs: tuple[str, str]) -> None:
    lock = json.loads(Path("one/lock.json").read_text())
    proofs, data = (lock["components"][path] for path in ("loss", "data"))
    data["distribution"], data["version"] = "ganreg-pictures", "1.0"
    Path("one/lock.json").write_text(json.dumps(lock))
    for part in lock["components"].values():
        if part["distribution"] == "ganreg-proofs":
            part["version"] = "0.9"
    data["source"], lock["torch"], lock["platform"] = "abc" * 20, None, "amiga-68k"
    Path("two/lock.json").write_text(json.dumps(lock))
    here = json.loads(Path("one/lock.json").read_text())
    result = ganreg("diff", *runs)
    assert (result.code, result.err) == (1, "")
    assert result.out == (
        "parts\n"
        f"  source of ganreg-pictures  {here['components']['data']['source'][:12]} → abcabcabcabc\n"
        "  ganreg-proofs              1.0.0 → 0.9\n"
        "\n"
        "versions\n"
        f"  torch                      {here['torch']} → none\n"
        f"  platform                   {here['platform']} → amiga-68k\n"
    )
    found = json.loads(ganreg("diff", *runs, "--json").out)
    assert found["parts"][0] == {
        "name": "ganreg-pictures",
        "first": here["components"]["data"]["source"],
        "second": data["source"],
        "what": "source",
        "components": ["data"],
    }
    assert (found["parts"][1]["name"], found["parts"][1]["what"]) == (proofs["distribution"], "version")
    assert found["parts"][1]["components"] == sorted(path for path in lock["components"] if path != "data")
    assert found["versions"][0] == {"name": "torch", "first": here["torch"], "second": None}


def test_spec_files_with_their_defaults(ganreg: Call, runs: tuple[str, str]) -> None:
    content = """
        data: {name: tiny-pictures, side: 28, classes: 10, count: 40}
        generator: tiny-generator
        discriminator: tiny-discriminator
        loss: tiny-hinge
        latent: 8
        train: {steps: 1, batch_size: 8, device: cpu}
        output: {samples: 4}
        game: tiny-standard
        schedule: tiny-alternating
        optimizers: {generator: tiny-adam, discriminator: tiny-adam}
        """
    Path("short.yaml").write_text(content)
    defaults = "seed: 0\n        ema: {decay: 0.999}\n        encoder: null\n"
    Path("long.yaml").write_text(content.replace("tiny-standard", "proofs/tiny-standard") + defaults)
    result = ganreg("diff", "short.yaml", "long.yaml")
    assert (result.code, result.out) == (0, "no difference\n")
    result = ganreg("diff", "one", "short.yaml")
    assert (result.code, result.out) == (0, "no difference\n")
    assert result.err == "parts and versions are not compared: no lock.json in short.yaml\n"
    edit("short.yaml", "steps: 1", "steps: 2")
    result = ganreg("diff", "one", "short.yaml", "--json")
    expected = [{"path": "train.steps", "first": 1, "second": 2}]
    assert json.loads(result.out) == {"equal": False, "spec": expected, "parts": None, "versions": None}
    edit("short.yaml", "steps: 2", "stepps: 2")
    result = ganreg("diff", "one", "short.yaml")
    assert (result.code, result.out) == (3, "")
    assert "short.yaml:7:17: unknown key 'stepps'" in result.err


def test_a_run_is_read_though_its_parts_are_not_installed(
    ganreg: Call, runs: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    edit("two/spec.yaml", "proofs/tiny-hinge", "gone/hinge")
    monkeypatch.setenv("GANREG_PLUGINS", "")
    result = ganreg("diff", *runs)
    assert (result.code, result.out) == (1, "spec\n  loss  proofs/tiny-hinge → gone/hinge\n")


def test_a_run_whose_lock_is_gone_has_its_spec_compared(ganreg: Call, runs: tuple[str, str]) -> None:
    Path("two/lock.json").unlink()
    result = ganreg("diff", *runs)
    assert (result.code, result.out) == (0, "no difference\n")
    assert result.err == "parts and versions are not compared: no lock.json in two\n"
    Path("two/lock.json").write_text("{")
    result = ganreg("diff", *runs)
    assert (result.code, result.out) == (3, "")
    assert result.err.startswith("two/lock.json:1:2: this is no lock")


def test_what_is_no_run_is_refused(ganreg: Call, runs: tuple[str, str]) -> None:
    Path("folder").mkdir()
    for path, reason in (("folder", "it has no spec.yaml"), ("none", "it does not exist")):
        for pair in (("one", path), (path, "one")):
            result = ganreg("diff", *pair)
            assert (result.code, result.out) == (2, "")
            assert result.err == f"error: '{path}' is not the folder of a run: {reason}\n"
    assert ganreg("diff", "one").code == 2


def test_text_that_could_be_something_else_is_in_quotes(ganreg: Call, runs: tuple[str, str]) -> None:
    edit("one/spec.yaml", "device: cpu", "device: 'true'")
    edit("two/spec.yaml", "device: cpu", "device: true")
    assert '  train.device  "true" → true\n' in ganreg("diff", *runs).out
    edit("one/spec.yaml", "device: 'true'", 'device: "a\\nb"')
    edit("two/spec.yaml", "device: true", "device: '99999999999999999999'", "precision: fp32", "precision: 'fp32 '")
    assert '  train.precision  fp32 → "fp32 "\n' in ganreg("diff", *runs).out
    assert '  train.device     "a\\nb" → "99999999999999999999"\n' in ganreg("diff", *runs).out


def test_colors_are_for_terminals(runs: tuple[str, str]) -> None:
    edit("two/spec.yaml", "penalties: []", "penalties: [{name: proofs/tiny-r1}]", "seed: 0", "seed: 1")
    arguments = ["diff", *runs]
    shown = CliRunner().invoke(group, arguments, obj=App(), color=True).output
    assert shown.splitlines() == [
        "\x1b[1mspec\x1b[0m",
        "  seed         0 → 1",
        "\x1b[32m+ penalties.0  proofs/tiny-r1\x1b[0m",
    ]
    assert "\x1b" not in CliRunner().invoke(group, arguments, obj=App()).output


def test_it_imports_no_torch(runs: tuple[str, str]) -> None:
    code = """
import sys
from ganreg.cli import main
assert main(["diff", "one", "two"]) == 0
assert main(["diff", "one", "one/spec.yaml"]) == 0
assert not {"torch", "numpy", "PIL", "matplotlib"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
