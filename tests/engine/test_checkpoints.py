"""A checkpoint is whole, or it is not used."""

import copy
import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from ganreg.engine import checkpoints
from ganreg.engine.checkpoints import Checkpoints, read
from ganreg.engine.disk import Patience
from ganreg.engine.state import same
from ganreg.engine.tensor_file import TYPES, write
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
    store = Checkpoints(tmp_path, 2)
    draft = store.draft(saved)
    saved["networks"]["g"]["weight"].zero_()
    assert store.folders() == []
    assert same(read(store.complete(draft)), before)


def test_a_draft_is_completed_again_after_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk may be full at any of its operations, the last ones among them."""
    saved = state(1)
    store = Checkpoints(tmp_path, 2)
    draft = store.draft(saved)
    for module, name in ((Path, "rename"), (checkpoints, "create"), (checkpoints, "sync")):
        original, left = getattr(module, name), [1]

        def once(*arguments: Any, original: Any = original, left: list[int] = left) -> Any:
            if left.pop() if left else 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return original(*arguments)

        monkeypatch.setattr(module, name, once)
        with pytest.raises(CheckpointError, match="No space left"):
            store.complete(draft)
    assert same(read(store.complete(draft)), saved)
    assert len(list(tmp_path.iterdir())) == 1


def test_what_could_not_be_flushed_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system has given the bytes up: a second attempt would say that all is well."""

    def lose(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    store = Checkpoints(tmp_path, 2)
    draft = store.draft(state(1))
    monkeypatch.setattr(os, "fsync", lose)
    waits = Patience(True, lambda sentence: None, lambda: False)
    with pytest.raises(CheckpointError, match="No space left on device, found while it was flushed"):
        waits(lambda: store.complete(draft))


@pytest.mark.skipif(os.name != "posix", reason="the names in a folder are not flushed here")
def test_all_of_a_checkpoint_is_flushed_before_it_has_its_name_and_the_name_before_another_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[int, int] | str] = []
    fsync, rename = os.fsync, os.rename

    def flushing(descriptor: int) -> None:
        fsync(descriptor)
        calls.append(place(os.fstat(descriptor)))

    def renaming(source: Path, target: Path) -> None:
        calls.append(Path(target).name)
        rename(source, target)

    store = Checkpoints(tmp_path, 1)
    store.save(state(1))
    monkeypatch.setattr(os, "fsync", flushing)
    monkeypatch.setattr(os, "rename", renaming)
    path = store.save(state(2))
    named, gone = calls.index("00000002"), calls.index(".00000001.gone")
    assert {place(file.stat()) for file in path.iterdir()} <= set(calls[:named]), "as large as they are"
    assert path.stat().st_ino in {call[0] for call in calls[:named] if isinstance(call, tuple)}
    assert tmp_path.stat().st_ino in {call[0] for call in calls[named:gone] if isinstance(call, tuple)}


def place(found: os.stat_result) -> tuple[int, int]:
    """A file, and how much of it there is."""
    return found.st_ino, found.st_size


def test_a_draft_that_is_gone_is_an_error(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path, 2)
    draft = store.draft(state(1))
    store.tidy()
    with pytest.raises(CheckpointError):
        store.complete(draft)


def test_the_librarys_own_reader_takes_the_files(tmp_path: Path) -> None:
    """Every type of number, every shape, whatever the order in memory."""
    tensors = {str(dtype): torch.arange(6).reshape(2, 3).to(dtype) for dtype in TYPES}
    tensors |= {"none": torch.empty(0, 3), "one": torch.tensor(2.5), "last": torch.randn(2, 3, 4, 5)}
    tensors["last"] = tensors["last"].to(memory_format=torch.channels_last)
    waves = torch.fft.fft(torch.arange(4.0))
    tensors |= {"conjugate": waves.conj(), "negative": waves.conj().imag, "expanded": torch.tensor(1.5).expand(3)}
    write(tmp_path / "all.safetensors", tensors)
    found = safetensors.torch.load_file(tmp_path / "all.safetensors")
    assert same(found, tensors)


def test_no_copy_of_a_state_is_made(tmp_path: Path) -> None:
    size = 2**26
    code = f"""
import resource, torch
from pathlib import Path
from ganreg.engine.checkpoints import Checkpoints
state = {{"step": 1, "networks": {{str(i): torch.ones({size // 16}) for i in range(4)}}}}
store = Checkpoints(Path({str(tmp_path)!r}), 1)
store.save({{"step": 0, "networks": {{"a": torch.ones(1)}}}})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
store.save(state)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    grown = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert 1024 * grown < size / 4


@pytest.mark.skipif(sys.platform == "win32", reason="no limit to the size of files")
def test_a_draft_that_finds_no_room_leaves_nothing(tmp_path: Path) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9, limits[1]))
    try:
        with pytest.raises(CheckpointError, match="cannot write the checkpoint"):
            Checkpoints(tmp_path, 1).draft(state(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_that_is_larger_than_the_memory_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Checkpoints(tmp_path, 1)
    store.save(state(1))

    def fill(path: Path) -> bytes:
        raise MemoryError

    monkeypatch.setattr(Path, "read_bytes", fill)
    with pytest.raises(CheckpointError, match=r"no usable checkpoint in (?s:.*) is larger than the memory"):
        store.newest()


def test_the_newest_are_kept_and_nothing_temporary_stays(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path, 2)
    for left in (".00000001.tmp", ".00000000.gone"):
        (tmp_path / left).mkdir()
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
