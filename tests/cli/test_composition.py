"""Files, parts by name and settings, laid over each other; and where their mistakes are."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganreg.api import Run
from ganreg.cli.composition import NAMES, compose
from ganreg.registry import Registry
from ganreg.spec.runspec import RunSpec

Call = Callable[..., Any]

SPEC = """\
data: {name: tiny-pictures, side: 28}
generator: {name: tiny-generator, width: 6}
discriminator: tiny-discriminator
loss: tiny-wasserstein
penalties: [tiny-clipping]
seed: 7
train: {steps: 10, batch_size: 4}
game: tiny-standard
schedule: tiny-alternating
optimizers: {generator: tiny-adam, discriminator: tiny-adam}
"""


@pytest.fixture
def composed(tmp_path: Path) -> Callable[..., Run]:
    """The run of a spec file and options."""
    (tmp_path / "spec.yaml").write_text(SPEC)

    def make(**options: Any) -> Run:
        given = {"spec": "spec.yaml", "penalties": (), "seed": None, "settings": (), **options}
        return compose(Registry.discover(), "run", **given)

    return make


def test_a_file_alone(composed: Callable[..., Run]) -> None:
    spec = composed().spec
    assert (spec.loss.name, spec.seed, spec.train.steps, spec.output.folder) == ("tiny-wasserstein", 7, 10, None)


def test_options_replace_what_the_file_says_and_settings_come_last(composed: Callable[..., Run]) -> None:
    spec = composed(
        loss="{name: tiny-hinge, margin: 2}",
        generator="tiny-generator",
        penalties=("tiny-r1", "{name: tiny-clipping, every: 4}"),
        seed="1",
        settings=("train.steps=3", "penalties.0.weight=5", "generator.normalized=true"),
        out="2024",
    ).spec
    assert (spec.loss.name, spec.loss.margin) == ("tiny-hinge", 2)  # type: ignore[attr-defined]
    assert spec.generator.width != 6  # type: ignore[attr-defined]
    assert spec.generator.normalized  # type: ignore[attr-defined]
    assert [(p.name, p.weight, p.every) for p in spec.penalties] == [("tiny-r1", 5, 1), ("tiny-clipping", 1, 4)]
    assert (spec.seed, spec.train.steps, spec.train.batch_size) == (1, 3, 4)
    assert spec.output.folder == Path("2024")


def test_out_is_a_path_and_not_yaml(composed: Callable[..., Run]) -> None:
    for name in ("{x: 1}", "null", "a: b # c", "runs/x"):
        assert composed(out=name).spec.output.folder == Path(name)


def test_every_option_stands_for_a_key_of_the_spec() -> None:
    assert set(NAMES) < set(RunSpec.model_fields)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--generator", "mpl"),
            "--generator:1:1: no generator is called 'mpl'\n    1 | mpl\n      | ^",
        ),
        (
            ("--loss", "{name: tiny-hinge, margim: 2}"),
            "--loss:1:20: unknown key 'margim'\n    1 | {name: tiny-hinge, margim: 2}\n      |                    ^",
        ),
        (("--penalty", "tiny-r1", "--penalty", "r2"), "--penalty:1:1: no penalty is called 'r2'\n    1 | r2\n"),
        (("--seed", "x"), "--seed:1:1: seed: should be a valid integer"),
        (("--set", "train.stepz=3"), "--set:1:7: unknown key 'stepz'\n    1 | train.stepz=3\n      |       ^\n"),
        (("--set", "train.steps=many"), "--set:1:13: steps: should be a valid integer"),
        (("--set", "train.steps"), "a setting is written as 'path=value'"),
        (("--data", "[1"), "--data:1:1: this bracket is never closed"),
    ],
)
def test_mistakes_in_options_are_shown_in_the_option(
    ganreg: Call, composed: Callable[..., Run], arguments: tuple[str, ...], message: str
) -> None:
    result = ganreg("check", "spec.yaml", *arguments)
    assert result.code == 3
    assert message in result.err


def test_mistakes_in_the_file_are_shown_in_the_file(ganreg: Call, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(SPEC.replace("wasserstein", "waserstein"))
    result = ganreg("check", "bad.yaml")
    assert result.code == 3
    assert result.err.startswith("bad.yaml:4:7: no loss is called 'tiny-waserstein'\n    4 | loss: tiny-waserstein\n")
    assert "help: did you mean 'tiny-wasserstein'?" in result.err


def test_a_plugin_that_is_misnamed_in_the_environment(
    ganreg: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    monkeypatch.setenv("GANREG_PLUGINS", "profs")
    result = ganreg("check", "spec.yaml")
    assert result.code == 3
    assert "spec.yaml:4:7: no loss is called 'tiny-wasserstein'" in result.err
    assert "help: GANREG_PLUGINS names 'profs', which is not installed: did you mean 'proofs'?\n" in result.err
    assert "pip install" not in result.err


def test_a_missing_part_is_asked_for_by_its_option(ganreg: Call, tiny: tuple[str, ...]) -> None:
    at = tiny.index("--data")
    result = ganreg("check", *tiny[:at], *tiny[at + 2 :])
    assert (result.code, result.err) == (3, "error: 'data' is missing\n  help: --data NAME gives it\n")


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize("arguments", [(), ("--seed", "1")])
def test_nothing_to_do_shows_the_example(ganreg: Call, command: str, arguments: tuple[str, ...]) -> None:
    result = ganreg(command, *arguments)
    assert result.code == 2
    assert f"nothing to {command}" in result.err
    assert f"\n  ganreg {command} --generator" in result.err


def test_the_example_of_a_sweep_has_an_axis(ganreg: Call) -> None:
    example = ganreg("sweep", "--axis", "seed=0..1").err.splitlines()[-1]
    assert example.endswith("--axis seed=0..2")


@pytest.mark.parametrize("command", [("run",), ("sweep", "--axis", "seed=0")])
@pytest.mark.parametrize(("out", "column"), [("y\x7fq", 2), ("zz\udcff", 3), ("a\x85", 2)])
def test_a_folder_that_no_spec_can_name_is_refused(
    ganreg: Call, tiny: tuple[str, ...], command: tuple[str, ...], out: str, column: int
) -> None:
    result = ganreg(*command, *tiny, "--out", out)
    assert result.code == 3
    assert result.err.startswith(f"--out:1:{column}: the character U+{ord(out[column - 1]):04X} cannot stand in a spec")
    assert not list(Path().iterdir())


@pytest.mark.parametrize("command", [("run", "--overwrite"), ("sweep", "--axis", "seed=0")])
def test_a_folder_without_a_name_is_refused(ganreg: Call, tiny: tuple[str, ...], command: tuple[str, ...]) -> None:
    result = ganreg(*command, *tiny, "--out", "")
    assert (result.code, result.err) == (2, "error: '' is no name of a folder\n")
    assert not list(Path().iterdir())


def test_a_setting_of_a_folder_without_a_name_is_refused(ganreg: Call, tiny: tuple[str, ...]) -> None:
    result = ganreg("run", "--overwrite", *tiny, "--set", "output.folder=''")
    assert result.code == 3
    assert result.err.startswith("--set:1:15: folder: should name a folder, or be null for a free one under runs/")
    assert not list(Path().iterdir())


@pytest.mark.needs("ganreg-classic", "ganreg-datasets")
def test_the_example_is_sound(ganreg: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANREG_PLUGINS", "classic,datasets")
    example = next(line for line in ganreg("check").err.splitlines() if line.startswith("  ganreg check --generator"))
    assert ganreg(*shlex.split(example)[1:]).out.endswith("ok\n")
