"""The records of a run."""

import errno
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import ganreg
from ganreg import Metric
from ganreg.engine.disk import append
from ganreg.engine.folder import RunFolder, attempts, damaged, records
from ganreg.errors import RunFolderError
from tests.conftest import Tiny

FLIPPED = ('{"step": 1, "secondr": 2.5, "images_per_second": 9.0}', '{"step": 1, "metrics": [1]}')
FIGURES = [
    f'{{"step": 1, "{key}": {{"a": {value}}}}}' for key in ("losses", "metrics") for value in ("true", '"x"', "[1]")
]
LARGE = (f'{{"step": {10**400}}}', '{"step": 1, "rollback": "x"}')


@pytest.mark.parametrize(
    "damage", ["{", "[1]", '{"step": "1"}', '{"losses": {}}', *FLIPPED, *FIGURES, *LARGE, "[" * 100_000, "\udcff"]
)
def test_a_line_that_is_no_record_costs_no_other(tmp_path: Path, damage: str) -> None:
    log = tmp_path / "log.jsonl"
    for step in range(3):
        append(log, {"step": step})
    with log.open("a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(f"{damage}\n")
    append(log, {"step": 3})
    assert [record["step"] for record in records(log)] == [0, 1, 2, 3]
    assert damaged(log) == [4]


@pytest.mark.skipif(sys.platform == "win32", reason="no limit to the size of files")
def test_a_line_that_finds_no_room_leaves_nothing_of_itself(tmp_path: Path) -> None:
    import resource

    log = tmp_path / "log.jsonl"
    append(log, {"step": 0})
    before = log.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 5, limits[1]))
    try:
        with pytest.raises(RunFolderError, match="cannot write"):
            append(log, {"step": 1})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert log.read_bytes() == before


@pytest.mark.parametrize("name", ["log.jsonl", "evaluations.jsonl"])
def test_a_figure_that_is_no_number_costs_no_other_line(tiny: Tiny, name: str) -> None:
    run = tiny(metrics=["tiny-mean-distance"], train={"steps": 2}).train()
    for line in FIGURES:
        append(run.folder / name, json.loads(line))
    append(run.folder / name, {"metrics": {"m": {}}})
    run = ganreg.load(run.folder)
    assert "tiny-mean-distance" in run.report().read_text()
    assert run.evaluate()[0].figures
    said: list[str] = []
    run.train(resume=True, say=said.append)
    assert (said[1:] == ["skipped: line 4 of log.jsonl is damaged, and 6 more"]) is (name == "log.jsonl")


def test_a_line_of_the_clock_without_its_readings_costs_no_other(tiny: Tiny) -> None:
    run = tiny(metrics=["tiny-mean-distance"]).train()
    before = (run.folder / "speed.jsonl").read_text()
    append(run.folder / "speed.jsonl", {"step": 6})
    run = ganreg.load(run.folder)
    assert "of training" in run.report().read_text()
    assert run.evaluate()[0].figures
    said: list[str] = []
    run.train(resume=True, say=said.append)
    assert said == ["going on from step 6", f"skipped: line {before.count(chr(10)) + 1} of speed.jsonl is damaged"]
    assert (run.folder / "speed.jsonl").read_text() == before


@pytest.mark.parametrize("end", ["", "\n", '{"step": 3, "lo', "\udcff", "\0\0"])
def test_a_last_line_that_was_cut_short_is_no_damage(tmp_path: Path, end: str) -> None:
    log = tmp_path / "log.jsonl"
    for step in range(3):
        append(log, {"step": step})
    with log.open("a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(end)
    assert [record["step"] for record in records(log)] == [0, 1, 2]
    assert damaged(log) == []


def test_a_last_line_without_its_end_counts_where_it_is_whole(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"step": 1}\n{"step": 2}')
    assert [record["step"] for record in records(tmp_path / "log.jsonl")] == [1, 2]


def test_every_line_is_strict_json(tmp_path: Path) -> None:
    append(tmp_path / "log.jsonl", {"step": 1, "metrics": {"x": float("nan"), "y": 0.5, "z": float("inf")}})
    line = json.loads((tmp_path / "log.jsonl").read_text(), parse_constant=pytest.fail)
    assert line == {"step": 1, "metrics": {"x": None, "y": 0.5, "z": None}}


def test_what_a_run_did_not_write_is_no_run_and_stays(tiny: Tiny) -> None:
    run = tiny(metrics=["tiny-mean-distance", Drawing()])
    pictures = ("samples/holiday.png", "samples/1.png", "samples/2026.png", "figures/mine/plot.png")
    names = ("notes.txt", *pictures, "checkpoints/model.pt", "checkpoints/1/model.pt")
    mine = {run.folder / name for name in names}
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    run.train()
    run.train(resume=True)
    run.evaluate()[0].record(run.folder)
    (run.folder / "checkpoints" / ".00000004.gone").mkdir()
    (run.folder / "checkpoints" / "00000009").symlink_to(run.folder / "checkpoints" / "1")
    (run.folder / "samples" / ".00000004.png.tmp").touch()
    with pytest.raises(RunFolderError, match="holds a run already"):
        tiny(train={"steps": 1}).train()
    tiny(train={"steps": 1}).train(overwrite=True)
    assert all(path.read_text() == "mine" for path in mine)
    steps = [path.name for path in run.folder.glob("*/*") if "0000" in path.name]
    assert sorted(steps) == ["00000000.png", "00000001", "00000001.png"]
    assert not list(run.folder.glob("evaluations*"))
    assert [path.name for path in (run.folder / "figures").iterdir()] == ["mine"]


def test_a_start_that_was_cut_short_among_other_files_is_no_run(tiny: Tiny) -> None:
    run = tiny()
    for name in ("samples/holiday.png", "checkpoints/model.pt", "lock.json", ".launch"):
        (run.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (run.folder / name).write_text("{}")
    run.train()
    assert (run.folder / "samples" / "holiday.png").exists()


@pytest.mark.parametrize("name", ["lock.json", ".launch"])
def test_a_start_that_cannot_write_a_file_has_begun_no_run(tmp_path: Path, name: str) -> None:
    """The spec comes last: with it, the folder would hold a run that nothing can go on with."""
    folder = RunFolder(tmp_path)
    folder.start("old", {}, "first")
    in_the_way = tmp_path / f".{name}.tmp"
    in_the_way.mkdir()
    with pytest.raises(RunFolderError, match=f"cannot write .*{name}"):
        folder.start("new", {}, "second")
    folder.refuse(overwrite=False)


def test_a_run_of_which_not_all_could_be_removed_is_none(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tiny(train={"steps": 1}).train()
    unlink = Path.unlink

    def keeping(path: Path, missing_ok: bool = False) -> None:
        if path.name == "lock.json":
            raise OSError(errno.EROFS, "Read-only file system")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", keeping)
    with pytest.raises(RunFolderError, match=r"cannot write .*lock\.json: Read-only"):
        run.train(overwrite=True)
    assert not (run.folder / "spec.yaml").exists()
    assert (run.folder / "log.jsonl").exists()


def test_pictures_after_a_step_are_forgotten_with_its_records(tmp_path: Path) -> None:
    for place in (tmp_path / "samples", tmp_path / "figures" / "mine"):
        place.mkdir(parents=True)
        for step in (4, 6):
            (place / f"{step:08d}.png").touch()
    RunFolder(tmp_path).truncate(4)
    assert [path.stem for path in tmp_path.rglob("*.png")] == ["00000004"] * 2


def test_a_log_tells_how_often_its_run_was_rolled_back(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    for step, attempt in ((2, 1), (2, 2), (4, 3)):
        append(log, {"step": step, "rollback": attempt, "because": "…"})
    assert [attempts(log, step) for step in (1, 2, 3, 4)] == [0, 2, 2, 3]


@pytest.mark.parametrize("folder", ["samples", "checkpoints"])
@pytest.mark.parametrize("harm", ["file", "link"])
def test_what_stands_in_the_place_of_a_folder_is_replaced_with_the_run(tiny: Tiny, folder: str, harm: str) -> None:
    run = tiny().train()
    place = run.folder / folder
    shutil.rmtree(place)
    place.touch() if harm == "file" else place.symlink_to("gone")
    run.train(overwrite=True)
    assert len(list(place.iterdir())) > 1


class Drawing(Metric, name="drawing"):
    """A picture."""

    def __call__(self, evaluation: Any) -> Any:
        return {"drawing": torch.zeros(1, 8, 8)}


@pytest.mark.skipif(os.name != "posix", reason="the names in a folder are not flushed here")
def test_what_a_checkpoint_relies_on_is_flushed_before_it_has_its_name(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a machine that loses its power may keep a checkpoint, and not the records that lead up to it."""
    calls: list[int | str] = []
    fsync, rename = os.fsync, os.rename

    def flushing(descriptor: int) -> None:
        fsync(descriptor)
        calls.append(os.fstat(descriptor).st_ino)

    def renaming(source: Path, target: Path) -> None:
        calls.append(Path(target).name)
        rename(source, target)

    monkeypatch.setattr(os, "fsync", flushing)
    monkeypatch.setattr(os, "rename", renaming)
    every = {"checkpoint_every": 2, "samples_every": 2, "log_every": 1}
    folder = tiny(output=every, metrics=[Drawing(every=2)]).train().folder
    names = ("log.jsonl", "speed.jsonl", "samples", "figures", "figures/drawing", ".")
    records = {(folder / name).stat().st_ino: name for name in names}
    order = [records.get(call) if isinstance(call, int) else call for call in calls]
    for step, start in ((2, 0), (4, order.index("00000002")), (6, order.index("00000004"))):
        assert set(names) <= set(order[start : order.index(f"{step:08d}")])
