"""Files, parts by name and settings, laid over each other; and where their mistakes are."""

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
data: fashion-mnist-10k
generator: {name: mlp, widths: [32]}
discriminator: mlp
loss: minimax
penalties: [weight-clipping]
seed: 7
train: {steps: 10, batch_size: 4}
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
    assert (spec.loss.name, spec.seed, spec.train.steps, spec.output.folder) == ("minimax", 7, 10, None)


def test_options_replace_what_the_file_says_and_settings_come_last(composed: Callable[..., Run]) -> None:
    spec = composed(
        loss="{name: hinge, margin: 2}",
        generator="mlp",
        penalties=("r1", "{name: gradient-penalty, every: 4}"),
        seed="1",
        settings=("train.steps=3", "penalties.0.weight=5", "generator.label_size=4"),
        out="2024",
    ).spec
    assert (spec.loss.name, spec.loss.margin) == ("hinge", 2)  # type: ignore[attr-defined]
    assert spec.generator.widths != (32,)  # type: ignore[attr-defined]
    assert spec.generator.label_size == 4  # type: ignore[attr-defined]
    assert [(p.name, p.weight, p.every) for p in spec.penalties] == [("r1", 5, 1), ("gradient-penalty", 10, 4)]
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
            ("--loss", "{name: hinge, margim: 2}"),
            "--loss:1:15: unknown key 'margim'\n    1 | {name: hinge, margim: 2}\n      |               ^",
        ),
        (("--penalty", "r1", "--penalty", "r2"), "--penalty:1:1: no penalty is called 'r2'\n    1 | r2\n"),
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
    (tmp_path / "bad.yaml").write_text(SPEC.replace("minimax", "minimaks"))
    result = ganreg("check", "bad.yaml")
    assert result.code == 3
    assert result.err.startswith("bad.yaml:4:7: no loss is called 'minimaks'\n    4 | loss: minimaks\n")
    assert "help: did you mean 'minimax'?" in result.err


def test_a_missing_part_is_asked_for_by_its_option(ganreg: Call) -> None:
    result = ganreg("check", "--generator", "mlp", "--discriminator", "mlp", "--loss", "hinge")
    assert (result.code, result.err) == (3, "error: 'data' is missing\n  help: --data NAME gives it\n")


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize("arguments", [(), ("--seed", "1")])
def test_nothing_to_do_shows_the_example(ganreg: Call, command: str, arguments: tuple[str, ...]) -> None:
    result = ganreg(command, *arguments)
    assert result.code == 2
    assert f"nothing to {command}" in result.err
    example = next(line for line in result.err.splitlines() if line.startswith(f"  ganreg {command} --generator"))
    if command == "check":
        import shlex

        assert ganreg(*shlex.split(example)[1:]).out.endswith("ok\n")
