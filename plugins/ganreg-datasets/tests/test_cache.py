"""The cache: used again, renewed when it must be, and never half written."""

import json
import os
import subprocess
import sys
import threading
import time

import pytest
import torch
from filelock import FileLock
from PIL import Image

from ganreg.errors import DataError


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def three(paint):
    """Three grey pictures."""
    return [paint(f"{name}.png", (value,) * 3) for name, value in (("a", 10), ("b", 20), ("c", 30))]


def grey(batch):
    return batch.images[:, 0, 0, 0].tolist()


def written(cache):
    """The finished caches by folder, with the time at which their pictures were written."""
    return {path.parent: path.stat().st_mtime_ns for path in cache.glob("*/images.u8")}


def test_batches_come_by_index(build, paint):
    for value in range(4):
        paint(f"{value // 2}/{value}.png", (value, 0, 50))
    pictures = build()
    assert len(pictures) == 4
    batch = pictures.batch(torch.tensor([3, 0, 3]))
    assert (batch.images.shape, batch.images.dtype) == ((3, 3, 8, 8), torch.uint8)
    assert grey(batch) == [3, 0, 3]
    assert (batch.images[:, 2] == 50).all()
    assert (batch.labels.tolist(), batch.labels.dtype) == ([1, 0, 1], torch.int64)
    batch.images.zero_()
    assert grey(pictures.batch(torch.tensor([3]))) == [3], "a batch is a copy"
    assert len(pictures.batch(torch.tensor([], dtype=torch.int64))) == 0


def test_the_cache_is_used_again_without_opening_a_picture(everything, three, cache):
    before = everything()
    stamps = written(cache)
    for path in three:
        state = path.stat()
        path.write_bytes(bytes(state.st_size))
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    after = everything()
    assert grey(after) == grey(before) == [10, 20, 30]
    assert written(cache) == stamps


def test_a_changed_picture_renews_the_cache(everything, three):
    everything()
    state = three[1].stat()
    Image.new("RGB", (8, 8), (21, 21, 21)).save(three[1])
    os.utime(three[1], ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert grey(everything()) == [10, 21, 30]


def test_an_added_removed_or_renamed_picture_renews_the_cache(everything, three, paint):
    everything()
    paint("d.png", (40, 40, 40))
    assert grey(everything()) == [10, 20, 30, 40]
    three[0].unlink()
    assert grey(everything()) == [20, 30, 40]
    three[1].rename(three[1].with_name("z.png"))
    assert grey(everything()) == [30, 40, 20]


@pytest.mark.parametrize("parameters", [{"size": 9}, {"channels": 1}, {"resize": "stretch"}, {"broken": "skip"}])
def test_other_parameters_have_a_cache_of_their_own(everything, three, cache, parameters):
    everything()
    first = written(cache)
    everything(**parameters)
    assert len(written(cache)) == 2
    everything()
    assert first.items() <= written(cache).items()
    assert len(written(cache)) == 2


def test_a_copy_of_the_folder_with_the_same_dates_is_another_set(everything, three, folder, tmp_path):
    everything()
    other = tmp_path / "other"
    other.mkdir()
    for path in three:
        state, copy = path.stat(), other / path.name
        Image.new("RGB", (8, 8), (99, 99, 99)).save(copy)
        copy.write_bytes(copy.read_bytes().ljust(state.st_size, b"\0"))
        os.utime(copy, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert grey(everything(folder=other)) == [99, 99, 99]


@pytest.mark.parametrize(
    ("name", "content"),
    [("images.u8", b"short"), ("images.u8", b""), ("index.json", b""), ("index.json", b"[]"), ("index.json", b"{}")],
)
def test_a_damaged_cache_is_built_anew(everything, three, cache, caplog, name, content):
    everything()
    (folder,) = written(cache)
    (folder / name).write_bytes(content)
    assert grey(everything()) == [10, 20, 30]
    assert f"{folder}: this cache is damaged" in caplog.text
    caplog.clear()
    assert grey(everything()) == [10, 20, 30]
    assert not caplog.records


def test_half_a_cache_is_built_anew(everything, three, cache):
    everything()
    (folder,) = written(cache)
    (folder / "index.json").unlink()
    assert grey(everything()) == [10, 20, 30]


def test_the_index_tells_what_is_where(everything, paint, cache, folder):
    for name in ("cat/x.png", "dog/a.png", "dog/b.png"):
        paint(name)
    everything()
    (made,) = written(cache)
    index = json.loads((made / "index.json").read_text())
    assert index["folder"] == str(folder)
    assert index["shape"] == [3, 3, 8, 8]
    assert index["classes"] == ["cat", "dog"]
    assert index["files"] == ["cat/x.png", "dog/a.png", "dog/b.png"]
    assert index["labels"] == [0, 1, 1]
    assert index["skipped"] == []


def test_the_default_is_the_users_cache_folder(build, three, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    build(cache=None)
    assert len(list(tmp_path.rglob("images.u8"))) == 1


def test_a_cache_that_cannot_be_written_is_named(build, three, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError) as error:
        build(cache=tmp_path / "file")
    assert str(error.value).startswith(f"{tmp_path / 'file'}: cannot cache")
    assert "'cache'" in str(error.value)


def test_progress_is_a_bar_on_a_terminal(build, three, capsys, monkeypatch):
    monkeypatch.delenv("TTY_COMPATIBLE", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    build()
    out, err = capsys.readouterr()
    assert out == ""
    assert "resizing pictures" in err
    assert "100%" in err


@pytest.mark.parametrize("surroundings", [{}, {"FORCE_COLOR": "1", "TERM": "dumb"}])
def test_progress_is_plain_lines_elsewhere_where_it_takes_long(build, three, capsys, monkeypatch, surroundings):
    for variable in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in surroundings.items():
        monkeypatch.setenv(variable, value)
    build()
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("ganreg_datasets.cache.LINE", 0.0)
    build(size=9)
    lines = [f"resizing pictures: {done} of 3\n" for done in (1, 2, 3)]
    assert capsys.readouterr() == ("", "".join(lines))


def test_one_process_builds_and_the_others_wait(everything, three, cache, caplog):
    everything()
    (folder,) = written(cache)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    found = []
    with FileLock(folder.with_suffix(".lock")):
        waiting = threading.Thread(target=lambda: found.append(everything()))
        waiting.start()
        deadline = time.monotonic() + 20
        while "waiting for it" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.01)
        assert waiting.is_alive()
        assert not written(cache)
        assert not found
    waiting.join(20)
    assert grey(found[0]) == [10, 20, 30]


def process(folder, cache, before=""):
    """A process of its own that builds the cache and prints its pictures' checksum."""
    script = f"""
import hashlib, os, signal, time
from pathlib import Path
import torch
from ganreg import Task
from ganreg_datasets import ImageFolder
from ganreg_datasets.pictures import Form
{before}
made = ImageFolder(folder={str(folder)!r}, cache={str(cache)!r}, size=8).build(Task(image=(3, 8, 8), latent=1))
print(len(made), hashlib.sha256(made.images.tobytes()).hexdigest())
"""
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_at_once_build_one_whole_cache(paint, folder, cache, tmp_path):
    for number in range(40):
        paint(f"{number}.png", (number, 0, 0), size=(300, 300))
    ready = "Path('{0}').touch()\nwhile not Path('{1}').exists(): time.sleep(0.001)"
    start = tmp_path / "start"
    both = [process(folder, cache, ready.format(tmp_path / f"ready{number}", start)) for number in range(2)]
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("ready*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    start.touch()
    (first, _), (second, _) = (each.communicate(timeout=60) for each in both)
    assert first == second
    assert first.startswith("40 ")
    assert len(written(cache)) == 1
    assert not list(cache.glob("*.part"))


def test_a_process_killed_at_work_leaves_nothing_that_is_taken_for_a_cache(three, folder, cache, everything):
    killed = process(
        folder,
        cache,
        """
load = Form.load
def deadly(self, path):
    if path.name == "c.png":
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGKILL)
    return load(self, path)
Form.load = deadly
""",
    )
    out, err = killed.communicate(timeout=60)
    assert (killed.returncode, out) == (-9, ""), err
    assert all(path.suffix == ".part" for path in written(cache))
    assert list(cache.glob("*.part")), "it was not at work when it died"
    assert grey(everything()) == [10, 20, 30]
    assert not list(cache.glob("*.part"))
