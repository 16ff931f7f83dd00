"""`run --lock` and `resume --locked` refuse before anything is written; `resume` warns, and goes on."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
Options = tuple[str, ...]

LOSS = """
from ganreg import Loss, hookimpl

class Mine(Loss, name="mine"):
    def discriminator(self, real, fake):
        return (1 - real.logits).relu().mean() + (1 + fake.logits).relu().mean()
    def generator(self, real, fake):
        return -fake.logits.mean()

@hookimpl
def ganreg_components():
    return [Mine]
"""


@pytest.fixture
def run(ganreg: Call, tiny: Options, install: Callable[[str, str], None]) -> Path:
    """The folder of a run with a loss of its own plugin, whose code and version may be changed under `site`."""
    install("own", LOSS)
    assert ganreg("run", *tiny, "--loss", "mine", "--set", "output.checkpoint_every=1", "--out", "here").code == 0
    return Path("here")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def upgrade() -> None:
    """Another version of the plugin, by the metadata of its distribution."""
    info = Path("site/ganreg_own-0.1.dist-info").rename("site/ganreg_own-0.2.dist-info")
    edit(info / "METADATA", "Version: 0.1", "Version: 0.2")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_parts_train_to_the_same_weights(ganreg: Call, run: Path) -> None:
    for lock, out in (("here/lock.json", "again"), ("here", "once-more")):
        assert ganreg("run", "here/spec.yaml", "--lock", lock, "--out", out).code == 0
        weights = [next(Path(f).glob("checkpoints/00000003/*.safetensors")).read_bytes() for f in ("here", out)]
        assert weights[0] == weights[1]
        assert Path(out, "lock.json").read_bytes() == (run / "lock.json").read_bytes()


def test_another_version_is_refused_before_anything_is_written(ganreg: Call, run: Path) -> None:
    upgrade()
    result = ganreg("run", "here/spec.yaml", "--lock", "here/lock.json", "--out", "again")
    assert (result.code, result.out) == (4, "")
    assert result.err == (
        "error: this is not what here/lock.json locks:\n"
        "  ganreg-own  locked 0.1  here 0.2  loss\n"
        "  help: pip install ganreg-own==0.1\n"
    )
    assert not Path("again").exists()
    assert ganreg("run", "here/spec.yaml", "--out", "again").code == 0
    assert json.loads(Path("again/lock.json").read_text())["components"]["loss"]["version"] == "0.2"


def test_a_refusal_leaves_the_run_that_it_would_overwrite(ganreg: Call, run: Path) -> None:
    before = contents(run)
    edit(Path("site/ganreg_test_own.py"), "-fake", "- fake")
    result = ganreg("run", "here/spec.yaml", "--lock", "here", "--out", "here", "--overwrite")
    assert result.code == 4
    assert "source of ganreg-own  locked " in result.err
    assert contents(run) == before


def test_a_plugin_of_a_single_file_is_locked_by_its_source(ganreg: Call, tiny: Options) -> None:
    Path("mine.py").write_text(LOSS)
    options = ("--plugin", "mine.py", "run", *tiny, "--loss", "mine", "--out")
    assert ganreg(*options, "here").code == 0
    part = json.loads(Path("here/lock.json").read_text())["components"]["loss"]
    assert (part["id"], part["distribution"], part["version"]) == ("mine/mine", None, None)
    assert ganreg(*options, "again", "--lock", "here").code == 0
    edit(Path("mine.py"), "-fake", "- fake")
    refused = ganreg(*options, "third", "--lock", "here")
    assert refused.code == 4
    assert "  source of mine/mine  locked " in refused.err
    assert refused.err.endswith("  loss\n  help: bring back the source that mine/mine had\n")


def test_resume_warns_of_what_has_changed_and_goes_on(ganreg: Call, run: Path) -> None:
    lock = (run / "lock.json").read_bytes()
    shutil.rmtree(run / "checkpoints" / "00000003")
    upgrade()
    edit(run / "lock.json", f'"python": "{json.loads(lock)["python"]}"', '"python": "3.9.0"')
    result = ganreg("resume", "here")
    assert result.code == 0
    assert result.err.startswith(
        "warning: ganreg-own has changed: locked 0.1, here 0.2\n"
        f"warning: python has changed: locked 3.9.0, here {json.loads(lock)['python']}\n"
        "going on from step 2\n"
    )


def test_resume_locked_goes_on_only_where_nothing_has_changed(ganreg: Call, run: Path) -> None:
    whole = contents(run / "checkpoints")
    shutil.rmtree(run / "checkpoints" / "00000003")
    before = contents(run)
    code = Path("site/ganreg_test_own.py")
    edit(code, "-fake", "- fake")
    refused = ganreg("resume", "here", "--locked")
    assert (refused.code, refused.out) == (4, "")
    assert refused.err.startswith("error: this is not what here/lock.json locks:\n  source of ganreg-own  locked ")
    assert contents(run) == before
    edit(code, "- fake", "-fake")
    result = ganreg("resume", "here", "--locked")
    assert result.code == 0
    assert result.err.startswith("going on from step 2\n")
    assert contents(run / "checkpoints") == whole


@pytest.mark.parametrize("loss", ["own/mine", "{name: own/mine}"])
def test_a_plugin_that_is_gone_is_brought_back_in_the_version_that_is_locked(
    ganreg: Call, run: Path, loss: str
) -> None:
    shutil.rmtree("site/ganreg_own-0.1.dist-info")
    edited = (run / "spec.yaml").read_text().replace("loss: {name: own/mine}", f"loss: {loss}")
    Path("spec.yaml").write_text(edited)
    for command in (("run", "spec.yaml", "--lock", "here", "--out", "again"), ("resume", "here", "--locked")):
        refused = ganreg(*command)
        assert refused.code == 3
        assert "no loss is called 'own/mine'" in refused.err
        assert "help: pip install ganreg-own==0.1" in refused.err
    assert "help: no plugin 'own' is here" in ganreg("resume", "here").err


SHADES = """
from pathlib import Path
from ganreg import Batch, Dataset, hookimpl
from ganreg.task import DatasetInfo

class Shades(Dataset, name="shades"):
    def info(self):
        return DatasetInfo((1, 28, 28), 12, tuple("0123456789"))
    def build(self, task):
        import torch
        shade = int(Path("shade").read_text())
        return Batch(torch.full((12, 1, 28, 28), shade, dtype=torch.uint8), torch.arange(12) % 10)

@hookimpl
def ganreg_components():
    return [Shades]
"""


def test_other_pictures_are_warned_of_and_refused_under_a_lock(
    ganreg: Call, tiny: Options, install: Callable[[str, str], None]
) -> None:
    install("shades", SHADES)
    Path("shade").write_text("10")
    options = (*tiny, "--data", "shades", "--set", "output.checkpoint_every=1")
    assert ganreg("run", *options, "--out", "here").code == 0
    assert ganreg("run", *options, "--out", "there", "--lock", "here").code == 0
    shutil.rmtree("here/checkpoints/00000003")
    Path("shade").write_text("11")
    before = contents(Path("here"))
    for words in (("resume", "here", "--locked"), ("run", *options, "--lock", "here", "--out", "third")):
        refused = ganreg(*words)
        assert (refused.code, refused.out) == (4, "")
        assert "  data  locked " in refused.err
        assert "help: bring back the pictures of before" in refused.err
    assert contents(Path("here")) == before
    assert not Path("third", "log.jsonl").exists()
    result = ganreg("resume", "here")
    assert result.code == 0
    assert result.err.startswith("warning: data has changed: locked ")
    assert ganreg("run", *options, "--out", "other").code == 0
    told = ganreg("diff", "here", "other")
    assert told.code == 1
    assert "data" in told.out


@pytest.mark.parametrize(
    ("content", "warning"),
    [
        (None, "cannot read the lock here/lock.json: No such file or directory"),
        ("{", "here/lock.json:1:2: this is no lock: Expecting property name enclosed in double quotes"),
    ],
)
def test_a_run_without_a_lock_can_be_resumed_but_not_locked(
    content: str | None, warning: str, ganreg: Call, run: Path
) -> None:
    shutil.rmtree(run / "checkpoints" / "00000003")
    (run / "lock.json").unlink()
    if content is not None:
        (run / "lock.json").write_text(content)
    refused = ganreg("resume", "here", "--locked")
    assert refused.code == (2 if content is None else 3)
    assert warning in refused.err
    result = ganreg("resume", "here")
    assert result.code == 0
    expected = f"warning: cannot tell what has changed since the run was started: {warning}\ngoing on from step 2\n"
    assert result.err.startswith(expected)


def test_a_lock_of_another_spec_is_refused_by_its_components(ganreg: Call, tiny: Options, run: Path) -> None:
    result = ganreg("run", *tiny, "--penalty", "tiny-r1", "--lock", "here", "--out", "again")
    assert result.code == 4
    assert "  loss         locked own/mine  here proofs/tiny-hinge\n" in result.err
    assert "  penalties.0  locked none      here proofs/tiny-r1\n" in result.err
    assert not Path("again").exists()


def test_what_is_no_lock_is_refused_with_its_place(ganreg: Call, tiny: Options) -> None:
    Path("lock.json").write_text('{"format": 1,\n  oops}')
    result = ganreg("run", *tiny, "--lock", "lock.json")
    assert result.code == 3
    assert result.err == (
        "lock.json:2:3: this is no lock: Expecting property name enclosed in double quotes\n"
        "    2 |   oops}\n"
        "      |   ^\n"
    )
    missing = ganreg("run", *tiny, "--lock", "none.json")
    assert missing.code == 2
    assert missing.err == (
        "error: cannot read the lock none.json: No such file or directory\n"
        "  help: every run writes its own, as lock.json in its folder\n"
    )
    assert os.listdir() == ["lock.json"]
