"""Checkpoints that verify, because their maker has written the manifest too, and yet are none: each is refused.

No digest tells them: what is in them does. The one before is loaded in their place, whole.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import ganreg
from ganreg.cli import main
from ganreg.engine.checkpoints import read
from ganreg.engine.state import same
from ganreg.errors import CheckpointError

OLD, NEW = "00000001", "00000002"
DEEP = 100_000
TERM = "terms/generator/loss"
SECRET = safetensors.torch.save({})
Forgery = Callable[[Path], None]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, composition: dict[str, Any]) -> Path:
    folder = tmp_path_factory.mktemp("model") / "run"
    ganreg.compose(
        **{**composition, "data": {"name": "proofs/tiny-pictures", "classes": 3}, "latent": 4},
        conditional=True,
        train={"steps": 2, "batch_size": 4, "device": "cpu"},
        output={"folder": folder, "checkpoint_every": 1},
    ).train()
    return folder


@pytest.fixture
def run(model: Path, tmp_path: Path) -> Path:
    shutil.copytree(model, tmp_path / "run")
    (tmp_path / "secret").write_bytes(SECRET)
    return tmp_path / "run"


def seal(folder: Path, **changes: Any) -> None:
    files = {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}
    files.pop("manifest.json", None)
    content = {"format": 1, "step": int(folder.name), "files": files, **changes}
    digest = sha256(json.dumps(content).encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps({**content, "digest": digest}))


@contextmanager
def opened(folder: Path) -> Iterator[dict[str, Any]]:
    """The plain values of a checkpoint, which are written back."""
    state = json.loads((folder / "state.json").read_text())
    yield state
    (folder / "state.json").write_text(json.dumps(state))


@contextmanager
def tensors(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    """The tensors of one file of a checkpoint, which are written back."""
    path = folder / f"{name}.safetensors"
    found = safetensors.torch.load(path.read_bytes())
    yield found
    path.write_bytes(safetensors.torch.save(found))


def plain(*path: Any, value: Any) -> Forgery:
    """Replace one plain value."""

    def forge(folder: Path) -> None:
        with opened(folder) as state:
            holder: Any = state
            for part in path[:-1]:
                holder = holder[part]
            holder[path[-1]] = value
        seal(folder)

    return forge


def text(content: str) -> Forgery:
    """Replace all plain values."""

    def forge(folder: Path) -> None:
        (folder / "state.json").write_text(content)
        seal(folder)

    return forge


def tensor(file: str, change: Callable[[dict[str, Any], str], Any]) -> Forgery:
    """Change the tensors of one file, the first of them by name."""

    def forge(folder: Path) -> None:
        with tensors(folder, file) as found:
            change(found, min(found))
        seal(folder)

    return forge


def moment(folder: Path) -> None:
    """A moment of Adam of another shape: torch would find out at the next step."""
    with tensors(folder, "training") as found:
        name = min(name for name in found if name.endswith("exp_avg"))
        found[name] = torch.zeros(7, 7)
    seal(folder)


def twice(folder: Path) -> None:
    """A weight in two files, of which one would be taken."""
    with tensors(folder, "networks") as found, tensors(folder, "ema") as others:
        others[min(found)] = found[min(found)] + 1
    seal(folder)


def nobodys(folder: Path) -> None:
    """A term of a player that the game has not."""
    with opened(folder) as state:
        state["terms"]["nobody/loss"] = state["terms"].pop("generator/loss")
    seal(folder)


def header(size: int) -> Forgery:
    """A file of tensors that claims a header of a size."""

    def forge(folder: Path) -> None:
        path = folder / "ema.safetensors"
        path.write_bytes(size.to_bytes(8, "little") + path.read_bytes()[8:])
        seal(folder)

    return forge


def beyond(name: str) -> Forgery:
    """A manifest that lists a file too many, which would verify and add nothing."""

    def forge(folder: Path) -> None:
        files = {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
        files.pop("manifest.json")
        outside = name.format(folder.parents[2])
        seal(folder, files={**files, outside: sha256(SECRET).hexdigest()})

    return forge


def manifest(**changes: Any) -> Forgery:
    """A manifest that says something else."""
    return lambda folder: seal(folder, **changes)


def instead(make: Callable[[Path, Path], Any]) -> Forgery:
    """Something that is no file in the place of one, with its content elsewhere."""

    def forge(folder: Path) -> None:
        path, outside = folder / "networks.safetensors", folder.parents[2] / "networks.safetensors"
        path.rename(outside)
        make(path, outside)

    return forge


def linked(folder: Path) -> None:
    folder.rename(folder.parents[2] / NEW)
    folder.symlink_to(folder.parents[2] / NEW)


FORGERIES: dict[str, Forgery] = {
    "deep": text("[" * DEEP + "]" * DEEP),
    "deep mappings": text('{"a":' * DEEP),
    "a list": text("[]"),
    "null": text("null"),
    "half a surrogate": text('{"\\ud800": 1}'),
    "a number without end": text("9" * 10_000),
    "no step": plain("step", value=None),
    "another step": plain("step", value=1),
    "a step that is true": plain("step", value=True),
    "a negative position": plain("position", value=-1),
    "a huge position": plain("position", value=10**40),
    "an attempt in words": plain("attempt", value="one"),
    "looked at, in words": plain("unseen", value="no"),
    "a fraction of updates": plain("updates", "generator", value=1.5),
    "a player too many": plain("updates", "nobody", value=1),
    "a key too many": plain("\x1b[31mmore", value=1),
    "a stage in words": plain("stage", "index", value="one"),
    "a huge size": plain("stage", "size", value=2**40),
    "a size that no network takes": plain("stage", "size", value=3),
    "a fade beyond": plain("stage", "fade", value=7.0),
    "huge pictures": plain("task", "image", value={"$tuple": [1, 2**30, 2**30]}),
    "a smaller latent": plain("task", "latent", value=3),
    "a huge latent": plain("task", "latent", value=2**50),
    "classes in fractions": plain("task", "classes", value=3.0),
    "huge classes": plain("task", "classes", value=2**50),
    "a source": plain("task", "source", value={"$tuple": [1, 2**20, 2**20]}),
    "no classes": plain("task", "classes", value=None),
    "no term": plain("terms", "generator/loss", value=1.0),
    "no networks": plain("networks", value={}),
    "no optimizers": plain("optimizers", value=[]),
    "no moving average": plain("ema", value={}),
    "no betas": plain("optimizers", "generator", "param_groups", 0, "betas", value=None),
    "a rate in words": plain("optimizers", "generator", "param_groups", 0, "lr", value="fast"),
    "a tensor twice": plain("networks", "generator", "x", value={"$tensor": "networks/generator/dense.weight"}),
    "no such tensor": plain("networks", "generator", "dense.weight", value={"$tensor": "\x1b[31mnowhere"}),
    "a weight in two files": twice,
    "a moment of another shape": moment,
    "a term of nobody's": nobodys,
    "a term in whole numbers": tensor("training", lambda found, _: found.update({TERM: torch.tensor(1)})),
    "a term of two numbers": tensor("training", lambda found, _: found.update({TERM: torch.zeros(2)})),
    "a weight missing": tensor("networks", lambda found, name: found.pop(name)),
    "a weight too many": tensor("networks", lambda found, name: found.update({"\x1b[31mmore": torch.zeros(1)})),
    "a weight of another shape": tensor("networks", lambda found, name: found.update({name: torch.zeros(9, 9)})),
    "a weight of another type": tensor("networks", lambda found, name: found.update({name: found[name].double()})),
    "a weight that is not finite": tensor("networks", lambda found, name: found[name].fill_(torch.nan)),
    "a moment that is not finite": tensor("training", lambda found, name: found[name].fill_(torch.nan)),
    "an average that is not finite": tensor("ema", lambda found, name: found[name].fill_(torch.inf)),
    "a header without end": header(2**63),
    "a header beyond the file": header(2**20),
    "a file above": beyond("../../../secret"),
    "a file elsewhere": beyond("{}/secret"),
    "many files": manifest(files={str(number): "" for number in range(100_000)}),
    "no files": manifest(files={}),
    "files that are a list": manifest(files=["state.json"]),
    "a step that is a list": manifest(step=[2]),
    "another format": manifest(format=2),
    "a link": instead(lambda path, outside: path.symlink_to(outside)),
    "a link to nothing": instead(lambda path, outside: path.symlink_to("nowhere")),
    "a folder": instead(lambda path, outside: path.mkdir()),
    "a pipe": instead(lambda path, outside: os.mkfifo(path)),
    "a linked folder": linked,
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_checkpoint_is_refused(run: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    older = read(run / "checkpoints" / OLD)
    FORGERIES[name](run / "checkpoints" / NEW)
    training = ganreg.load(run).assemble()
    _, skipped = training.checkpoints.newest(training.match.load)
    assert len(skipped) == 1
    assert skipped[0].startswith(f"checkpoint {run / 'checkpoints' / NEW} ")
    assert skipped[0].isprintable()
    assert len(skipped[0]) < 1_000
    assert same(training.match.state(), older)

    shutil.rmtree(run / "checkpoints" / OLD)
    assert main(["sample", str(run), "--count", "1", "--out", str(run / "x.png")]) == CheckpointError.exit_code
    said = capsys.readouterr().err
    assert said.startswith("error: no usable checkpoint in ")
    assert len(said.splitlines()) == 2


def test_what_is_forged_well_is_loaded_as_it_stands(run: Path) -> None:
    """A weight that another number has been written for is a weight: the digests are no signature."""
    folder = run / "checkpoints" / NEW
    tensor("networks", lambda found, name: found[name].add_(1))(folder)
    training = ganreg.load(run).assemble()
    state, skipped = training.checkpoints.newest(training.match.load)
    assert not skipped
    assert same(training.match.state(), state)
    assert same(state, read(folder))


def test_a_run_whose_checkpoints_are_gone_is_not_begun_anew(
    tmp_path: Path, composition: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Its log would be forgotten."""
    ganreg.compose(
        **composition, train={"steps": 3, "batch_size": 4}, output={"folder": tmp_path / "run", "checkpoint_every": 1}
    ).train()
    (tmp_path / "run" / "checkpoints").rename(tmp_path / "elsewhere")
    (tmp_path / "run" / "checkpoints").mkdir()
    log = (tmp_path / "run" / "log.jsonl").read_text()
    assert main(["resume", str(tmp_path / "run")]) == CheckpointError.exit_code
    assert "holds no checkpoint, though the log tells of step 3" in capsys.readouterr().err
    assert (tmp_path / "run" / "log.jsonl").read_text() == log
    (tmp_path / "run" / "checkpoints").rmdir()
    (tmp_path / "elsewhere").rename(tmp_path / "run" / "checkpoints")
    assert main(["resume", str(tmp_path / "run")]) == 0
