"""A run that starts from the weights of another one."""

import shutil
from pathlib import Path

import pytest
from torch import nn

from ganreg.api import Run
from ganreg.engine.checkpoints import Checkpoints
from ganreg.engine.disk import append
from ganreg.engine.folder import records
from ganreg.engine.inherit import heritage
from ganreg.engine.state import same
from ganreg.errors import SpecError
from ganreg.spec.runspec import Init
from tests.conftest import Tiny
from tests.engine.test_recorder import TRANSLATION


def weights(run: Run, step: int, part: str = "networks") -> dict:
    state, _ = Checkpoints(run.folder / "checkpoints", 9).newest()
    assert state["step"] == step
    return state[part]


@pytest.fixture
def parent(tiny: Tiny) -> Run:
    return tiny(name="parent", seed=3).train()


@pytest.mark.parametrize("form", ["mapping", "folder"])
def test_networks_and_averages_start_from_the_newest_checkpoint(tiny: Tiny, parent: Run, form: str) -> None:
    said: list[str] = []
    run = tiny(init={"run": parent.folder} if form == "mapping" else str(parent.folder), train={"steps": 1})
    run.train(say=said.append)
    assert f"starting from the weights of {parent.folder} at step 6" in said
    shutil.rmtree(run.folder / "checkpoints" / "00000001")
    for part in ("networks", "ema"):
        assert same(weights(run, 0, part), weights(parent, 6, part))


def test_an_average_starts_from_the_weights_where_the_other_run_has_none(tiny: Tiny) -> None:
    parent = tiny(name="parent", seed=3, ema=None).train()
    run = tiny(init=parent.folder, train={"steps": 1}).train()
    shutil.rmtree(run.folder / "checkpoints" / "00000001")
    assert same(weights(run, 0, "ema")["generator"], weights(parent, 6)["generator"])


def test_only_those_that_are_named_are_taken(tiny: Tiny, parent: Run) -> None:
    run = tiny(init={"run": parent.folder, "networks": ["discriminator"]}, train={"steps": 1}).train()
    shutil.rmtree(run.folder / "checkpoints" / "00000001")
    begun, trained, fresh = weights(run, 0), weights(parent, 6), tiny(name="fresh").assemble().match.state()["networks"]
    assert same(begun["discriminator"], trained["discriminator"])
    assert same(begun["generator"], fresh["generator"])
    assert not same(begun["generator"], trained["generator"])


def test_where_none_are_named_those_are_taken_that_both_have() -> None:
    theirs = {name: nn.Linear(2, 2).state_dict() for name in ("generator", "encoder")}
    networks = {name: nn.Linear(2, 2) for name in ("generator", "discriminator")}
    found = heritage(Init(run=Path("other")), {"networks": theirs, "ema": {}}, networks)
    assert same(found, {part: {"generator": theirs["generator"]} for part in ("networks", "ema")})


def test_a_run_that_has_begun_needs_the_other_no_more(tiny: Tiny, parent: Run) -> None:
    whole = tiny(name="whole", init=parent.folder).train()
    run = tiny(init=parent.folder).train()
    shutil.rmtree(parent.folder)
    for step in (4, 6):
        shutil.rmtree(run.folder / "checkpoints" / f"{step:08d}")
    shutil.copytree(whole.folder / "checkpoints" / "00000004", run.folder / "checkpoints" / "00000004")
    run.train(resume=True)
    assert same(weights(run, 6), weights(whole, 6))


def test_a_run_that_had_gone_back_to_its_beginning_goes_on_with_what_it_drew_then(tiny: Tiny, parent: Run) -> None:
    run = tiny(init=parent.folder, train={"steps": 1}).train()
    shutil.rmtree(run.folder / "checkpoints" / "00000001")
    append(run.folder / "log.jsonl", {"step": 0, "rollback": 1, "because": "…"})
    run.train(resume=True)
    assert run.training is not None
    assert run.training.match.attempt == 1
    assert [record["step"] for record in records(run.folder / "log.jsonl")] == [0, 1]


def test_a_run_can_start_from_the_one_that_it_replaces(tiny: Tiny, parent: Run) -> None:
    trained = weights(parent, 6)
    again = tiny(name="parent", init=parent.folder, train={"steps": 1}).train(overwrite=True)
    shutil.rmtree(again.folder / "checkpoints" / "00000001")
    assert same(weights(again, 0), trained)


def test_a_damaged_checkpoint_of_the_other_run_is_named(tiny: Tiny, parent: Run) -> None:
    (parent.folder / "checkpoints" / "00000006" / "state.json").write_text("{}")
    said: list[str] = []
    tiny(init=parent.folder, train={"steps": 1}).train(say=said.append)
    assert said[0].startswith(f"skipped: checkpoint {parent.folder}/checkpoints/00000006 is damaged")
    assert said[1] == f"starting from the weights of {parent.folder} at step 4"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latent": 9}, r"the network 'generator' differs: its '.*' is \(.*\) here and \(.*\) in .*parent"),
        ({"init": {"networks": ["critic"]}}, "this run has no network 'critic', but generator, discriminator"),
        ({"init": {"run": "nowhere"}}, "no usable checkpoint in nowhere"),
        ({"init": {"run": "x" * 300}}, "cannot start from there: .*File name too long"),
        (TRANSLATION, r"parent has none of .*, but generator, discriminator"),
        ({"init": {"networks": []}}, "at least 1"),
    ],
)
def test_what_cannot_be_taken_is_refused_before_the_run(
    tiny: Tiny, parent: Run, change: dict, message: str, tmp_path: Path
) -> None:
    change = {**change, "init": {"run": parent.folder, **change.get("init", {})}}
    with pytest.raises(SpecError, match=f"(?s)init.*{message}"):
        tiny(**change).train()
    assert not (tmp_path / "run").exists()
