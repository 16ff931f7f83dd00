"""`ganreg --plugin FILE`: one file serves as a plugin, where the command line names it and nowhere else."""

import json
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
Options = tuple[str, ...]

CODE = """
from ganreg import Generator, Loss, Observer, hookimpl
from pydantic import Field

class Flat(Generator, name="flat"):
    \"\"\"One layer.\"\"\"
    bias: bool = Field(True, description="add one")
    def build(self, task):
        from math import prod
        from torch import nn
        class Network(nn.Module):
            def __init__(self, bias):
                super().__init__()
                self.layer = nn.Linear(task.latent, prod(task.image), bias=bias)
            def forward(self, z, labels=None):
                return self.layer(z).tanh().unflatten(1, task.image)
        return Network(self.bias)

class Critic(Loss, name="critic"):
    \"\"\"The difference of means (Arjovsky et al., 2017).\"\"\"
    def discriminator(self, real, fake):
        return fake.logits.mean() - real.logits.mean()
    def generator(self, real, fake):
        return -fake.logits.mean()

class Impatient(Observer, name="impatient"):
    \"\"\"Stops a run in its first step, as a user would.\"\"\"
    def logged(self, step, values):
        import os, signal, time
        if step == 1:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.5)  # a thread hears it

@hookimpl
def ganreg_components():
    return [Flat, Critic, Impatient]
"""


@pytest.fixture
def parts(tmp_path: Path) -> Options:
    """The options that load a file of parts, which is there."""
    (tmp_path / "my_parts.py").write_text(CODE, encoding="utf-8")
    return ("--plugin", "./my_parts.py")


@pytest.fixture
def mine(tiny: Options) -> Options:
    """Options of a run that takes its generator and its loss from the file."""
    return (*tiny, "--generator", "flat", "--loss", "critic")


def test_its_namespace_is_its_name_and_its_path_stands_for_a_distribution(ganreg: Call, parts: Options) -> None:
    found = json.loads(ganreg(*parts, "list", "losses", "--json").out)
    (own,) = [record for record in found if record["name"] == "critic"]
    assert (own["id"], own["distribution"]) == ("my-parts/critic", "my_parts.py")
    assert own["summary"] == "The difference of means (Arjovsky et al., 2017)."


def test_its_parts_are_shown_checked_and_trained_by_name(
    ganreg: Call, parts: Options, mine: Options, tmp_path: Path
) -> None:
    assert "my-parts/flat, my_parts.py" in ganreg(*parts, "show", "flat").out
    checked = ganreg(*parts, "check", *mine, "--generator", "{name: flat, bias: false}", "--penalty", "tiny-r1")
    assert f"{8 * 28 * 28:,}" in re.findall(r"^generator +flat +(\S+)", checked.out, re.MULTILINE)
    trained = ganreg(*parts, "run", *mine, "--out", "here")
    assert trained.code == 0, trained.err
    assert (tmp_path / "here" / "report.html").is_file()
    assert ganreg(*parts, "sample", "here", "--count", "4", "--out", "grid.png").code == 0


def test_the_lock_holds_its_source(ganreg: Call, parts: Options, mine: Options, tmp_path: Path) -> None:
    ganreg(*parts, "run", *mine, "--out", "here")
    locked = json.loads((tmp_path / "here" / "lock.json").read_text())["components"]
    assert (locked["loss"]["id"], locked["loss"]["distribution"]) == ("my-parts/critic", None)
    assert len(locked["loss"]["source"]) == 64
    assert locked["loss"]["source"] == locked["generator"]["source"] != locked["discriminator"]["source"]

    assert ganreg(*parts, "run", *mine, "--lock", "here", "--out", "again").code == 0
    (tmp_path / "my_parts.py").write_text(CODE.replace("fake.logits.mean() -", "2 * fake.logits.mean() -"))
    refused = ganreg(*parts, "run", *mine, "--lock", "here", "--out", "third")
    assert refused.code == 4
    assert "my-parts/critic" in refused.err
    assert not (tmp_path / "third").exists()


def test_a_run_goes_on_with_the_option_and_tells_of_it_without(
    ganreg: Call, parts: Options, mine: Options, tmp_path: Path
) -> None:
    (tmp_path / "my_parts.py").write_text(CODE.replace('name="critic"', 'name="tiny-hinge"'))
    mine = (*mine, "--loss", "my-parts/tiny-hinge", "--set", "output.checkpoint_every=1")
    ganreg(*parts, "run", *mine, "--out", "here")
    shutil.rmtree(tmp_path / "here" / "checkpoints" / "00000003")
    refused = ganreg("resume", "here")
    assert refused.code == 3
    assert "no loss is called 'my-parts/tiny-hinge'" in refused.err  # which is not to be taken for the installed one
    assert "help: no plugin 'my-parts' is here: `ganreg install my-parts`, or `ganreg --plugin FILE …`" in refused.err
    resumed = ganreg(*parts, "resume", "here")
    assert (resumed.code, "going on from step 2" in resumed.err) == (0, True)


def test_an_interrupted_run_tells_how_to_go_on_with_it(ganreg: Call, parts: Options, mine: Options) -> None:
    settings = ("--set", "observers=[impatient]", "--set", "output.log_every=1")
    stopped = ganreg(*parts, "run", *mine, *settings, "--out", "here")
    assert stopped.code == 128 + signal.SIGINT
    assert "saved: `ganreg --plugin my_parts.py resume here` goes on\n" in stopped.err


def test_several_files_serve_together(ganreg: Call, parts: Options, mine: Options, tmp_path: Path) -> None:
    (tmp_path / "others.py").write_text(CODE.replace('name="critic"', 'name="judge"'))
    options = (*parts, "--plugin", "others.py")
    assert ganreg(*options, "check", *mine, "--generator", "others/flat", "--loss", "judge").code == 0
    ambiguous = ganreg(*options, "check", *mine, "--loss", "judge")
    assert "say which: my-parts/flat or others/flat" in ambiguous.err


def test_it_is_loaded_where_installed_plugins_are_not(
    ganreg: Call, parts: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANREG_PLUGINS", "")
    for option in ((), ("--no-plugins",)):
        found = json.loads(ganreg(*option, *parts, "list", "--json").out)
        assert {record["id"].partition("/")[0] for record in found} == {"my-parts"}


@pytest.mark.parametrize("key", ["plugin", "plugins", "--plugin"])
def test_a_spec_cannot_name_a_file(ganreg: Call, parts: Options, tiny: Options, tmp_path: Path, key: str) -> None:
    (tmp_path / "spec.yaml").write_text(f"{key}: [./my_parts.py]\n")
    refused = ganreg("check", "spec.yaml", *tiny)
    assert (refused.code, f"unknown key '{key}'" in refused.err) == (3, True)


@pytest.mark.parametrize(
    "name", ["critic", "my-parts/critic", "my_parts.py/critic", "./my_parts.py", "my_parts:Critic"]
)
def test_a_file_that_lies_there_is_not_loaded_by_any_name(
    ganreg: Call, parts: Options, tiny: Options, tmp_path: Path, name: str
) -> None:
    (tmp_path / "my_parts.py").write_text("raise SystemExit('it was loaded')")
    refused = ganreg("check", *tiny, "--loss", name)
    assert (refused.code, f"no loss is called '{name}'" in refused.err) == (3, True)


@pytest.mark.parametrize(
    ("name", "code", "status", "message"),
    [
        ("nowhere.py", None, 2, "File 'nowhere.py' does not exist"),
        (".", None, 2, "File '.' is a directory"),
        ("broken.py", "def f(:", 4, "broken.py:1"),
        ("exits.py", "raise SystemExit(3)", 4, "exits.py cannot be used"),
        ("empty.py", "", 4, "it implements no hook ganreg_components"),
        ("Odd Name.py", CODE, 4, "call it like my_parts.py"),
        ("proofs.py", CODE, 4, "one namespace, 'proofs'"),
    ],
)
def test_a_file_that_cannot_serve_is_refused_at_once(
    ganreg: Call, tmp_path: Path, name: str, code: str | None, status: int, message: str
) -> None:
    if code is not None:
        (tmp_path / name).write_text(code)
    refused = ganreg("--plugin", name, "list")
    assert (refused.code, refused.out) == (status, "")
    assert message in refused.err
    assert "Traceback" not in refused.err


@pytest.mark.parametrize(
    ("written", "told", "line"),
    [
        ("weights = [1, 2]", "A non-annotated attribute was detected: `weights = [1, 2]`", 19),
        ("def __init__(self): pass", "Critic has an __init__: parameters are fields", 19),
    ],
)
def test_what_makes_no_component_is_told_with_its_line(
    ganreg: Call, parts: Options, mine: Options, tmp_path: Path, written: str, told: str, line: int
) -> None:
    head = 'class Critic(Loss, name="critic"):'
    (tmp_path / "my_parts.py").write_text(CODE.replace(head, f"{head}\n    {written}"), encoding="utf-8")
    done = ganreg(*parts, "check", *mine)
    assert done.code == 4
    assert told in done.err
    assert f"my_parts.py:{line})" in done.err


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("self.seen = 1", "'seen' of Critic cannot be set: what changes in a run belongs to what `build` returns"),
        ("return None", "help: nothing is returned: is a `return` missing?"),
    ],
)
def test_what_a_loss_must_not_do_is_told_with_what_to_do(
    ganreg: Call, parts: Options, mine: Options, tmp_path: Path, written: str, told: str
) -> None:
    code = CODE.replace("        return -fake", f"        {written}\n        return -fake")
    (tmp_path / "my_parts.py").write_text(code, encoding="utf-8")
    done = ganreg(*parts, "check", *mine, "--loss", "critic")
    assert done.code == 3
    assert told in done.err


def test_its_parts_are_tested_against_the_contracts(ganreg: Call, parts: Options) -> None:
    tested = ganreg(*parts, "test", "my-parts", "critic", "--json")
    assert (tested.code, tested.err) == (0, "")
    results = json.loads(tested.out)
    assert {(result["kind"], result["component"]) for result in results} == {("loss", "my-parts/critic")}
    assert "signs" in {result["check"] for result in results}


CURVE = """
from pydantic import BaseModel, Field, field_validator
from ganreg import Loss, hookimpl

class Point(BaseModel, extra="forbid"):
    x: float

class Curve(Loss, name="curve"):
    \"\"\"A point may stand for a list of one.\"\"\"
    points: list[Point] = Field(description="of the curve")

    @field_validator("points", mode="before")
    @classmethod
    def _listed(cls, value):
        return [value] if isinstance(value, dict) else value

@hookimpl
def ganreg_components():
    return [Curve]
"""


def test_a_mistake_inside_what_a_validator_reshaped_has_its_place(ganreg: Call, tiny: Options, tmp_path: Path) -> None:
    (tmp_path / "curve.py").write_text(CURVE, encoding="utf-8")
    done = ganreg("--plugin", "./curve.py", "check", *tiny, "--loss", "{name: curve, points: {x: 1, y: 2}}")
    assert done.code == 3
    assert done.err.startswith("--loss:1:15: unknown key 'y'")


def test_a_type_that_is_not_defined_is_named_and_breaks_nothing_else(
    ganreg: Call, parts: Options, mine: Options, tmp_path: Path
) -> None:
    broken = (
        'class Broken(Loss, name="broken"):\n    """Has no such type."""\n    width: "Undefined" = 1\n\n\n@hookimpl'
    )
    code = CODE.replace("@hookimpl", broken, 1).replace("[Flat, Critic,", "[Flat, Broken, Critic,")
    (tmp_path / "my_parts.py").write_text(code, encoding="utf-8")
    said = "the loss 'broken' is broken: the type 'Undefined' of a field is not defined"
    for command in (
        ("show", "broken"),
        ("check", *mine, "--loss", "broken"),
        ("check", *mine, "--loss", "{name: broken}"),
    ):
        result = ganreg(*parts, *command)
        assert result.code in (3, 4)
        assert said in result.err
        assert "internal error" not in result.err
    assert ganreg(*parts, "check", *mine).code == 0
    offered = json.loads(ganreg(*parts, "schema").out)["$defs"]["component.loss"]
    assert "my-parts/critic" in json.dumps(offered)
    assert "my-parts/broken" not in json.dumps(offered)
