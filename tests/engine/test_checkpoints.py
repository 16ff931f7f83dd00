"""A checkpoint is whole, or it is not used."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from ganreg.engine.checkpoints import Checkpoints, Snapshot, read
from ganreg.engine.state import same
from ganreg.errors import CheckpointError


def state(step: int) -> dict[str, Any]:
    return {
        "step": step,
        "networks": {"g": {"weight": torch.randn(3, 4), "steps": torch.tensor(step)}},
        "ema": {},
        "optimizers": {"g": {"state": {0: {"exp_avg": torch.randn(3)}}, "param_groups": [{"betas": (0.5, 0.9)}]}},
    }


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    saved = state(5)
    path = Checkpoints(tmp_path / "c", 2).save(saved)
    assert sorted(p.name for p in path.iterdir()) == [
        "ema.safetensors",
        "manifest.json",
        "networks.safetensors",
        "state.json",
        "training.safetensors",
    ]
    assert same(read(path), saved)


def test_tensors_that_share_memory_are_saved_each(tmp_path: Path) -> None:
    weight = torch.randn(4, 6)
    saved = {"step": 1, "networks": {"all": weight, "rows": weight[1:3], "flat": weight.view(-1), "turned": weight.T}}
    assert same(read(Checkpoints(tmp_path, 2).save(saved)), saved)


def test_what_was_taken_down_stays_what_it_was(tmp_path: Path) -> None:
    saved = state(1)
    before = copy.deepcopy(saved)
    snapshot = Snapshot.of(saved)
    saved["networks"]["g"]["weight"].zero_()
    path = Checkpoints(tmp_path, 2).write(snapshot)
    assert same(read(path), before)


def test_the_newest_are_kept_and_nothing_temporary_stays(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path, 2)
    for step in (1, 2, 10, 100):
        store.save(state(step))
    assert [path.name for path in store.folders()] == ["00000010", "00000100"]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_newer_one_that_is_damaged_takes_no_good_ones_place(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path, 1)
    (store.save(state(99)) / "manifest.json").unlink()
    for step in (10, 20):
        store.save(state(step))
    assert [path.name for path in store.folders()] == ["00000020", "00000099"]
    assert store.newest()[0]["step"] == 20


def test_a_step_can_be_saved_again(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path, 2)
    store.save(state(3))
    again = state(3)
    store.save(again)
    assert same(read(tmp_path / "00000003"), again)


@pytest.mark.parametrize("name", ["networks.safetensors", "training.safetensors", "state.json", "manifest.json"])
@pytest.mark.parametrize("harm", ["flip", "cut", "zero", "remove", "empty"])
def test_a_damaged_checkpoint_is_passed_over_and_named(tmp_path: Path, name: str, harm: str) -> None:
    store = Checkpoints(tmp_path, 3)
    good = state(1)
    store.save(good)
    bad = store.save(state(2)) / name
    content = bytearray(bad.read_bytes())
    middle = len(content) // 2
    if harm == "flip":
        content[middle] ^= 1
    elif harm == "cut":
        del content[middle:]
    elif harm == "zero":
        content[middle : middle + 8] = bytes(8)
    elif harm == "empty":
        content.clear()
    bad.write_bytes(content)
    if harm == "remove":
        bad.unlink()
    found, skipped = store.newest()
    assert same(found, good)
    assert len(skipped) == 1
    assert "00000002" in skipped[0]


def test_flipped_bits_all_over_the_small_files_are_noticed(tmp_path: Path) -> None:
    path = Checkpoints(tmp_path, 1).save(state(1))
    for name in ("state.json", "manifest.json"):
        whole = (path / name).read_bytes()
        for position in range(0, len(whole) * 8, 13):
            content = bytearray(whole)
            content[position // 8] ^= 1 << position % 8
            (path / name).write_bytes(content)
            with pytest.raises(CheckpointError):
                read(path)
        (path / name).write_bytes(whole)
    read(path)


def test_a_checkpoint_under_another_steps_name_is_refused(tmp_path: Path) -> None:
    path = Checkpoints(tmp_path, 1).save(state(1))
    with pytest.raises(CheckpointError):
        read(path.rename(tmp_path / "00000009"))


def test_no_usable_checkpoint_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no usable checkpoint"):
        Checkpoints(tmp_path, 1).newest()


@pytest.mark.parametrize("kind", ["link", "file"])
def test_what_stands_at_a_checkpoints_place_gives_way(tmp_path: Path, kind: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    place = tmp_path / "checkpoints" / "00000001"
    place.parent.mkdir()
    place.symlink_to(elsewhere) if kind == "link" else place.write_text("no checkpoint")
    Checkpoints(place.parent, 2).save(state(1))
    assert read(place)["step"] == 1
    assert not any(elsewhere.iterdir())


def test_the_newest_is_the_largest_number(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, 3)
    for step in (99_999_999, 100_000_000):
        checkpoints.save(state(step))
    assert checkpoints.newest()[0]["step"] == 100_000_000
