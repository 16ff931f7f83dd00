"""Writes that fail, and a full disk that is waited for."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ganreg.engine import disk
from ganreg.engine.disk import Patience, replace, writing
from ganreg.errors import CheckpointError, RunFolderError
from tests.conftest import Tiny


def failing(times: int, code: int) -> Callable[[], str]:
    """What writes once it has failed so often."""
    left = [code] * times

    def write() -> str:
        with writing(Path("file")):
            if left:
                raise OSError(left.pop(), "it fails")
        return "written"

    return write


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_room_is_waited_for_and_told_of_once(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(disk.time, "sleep", pauses.append)
    said: list[str] = []
    assert Patience(True, said.append, lambda: False)(failing(9, code)) == "written"
    assert said == ["cannot write file: it fails; waiting for room", "there is room again"]
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


@pytest.mark.parametrize(
    ("waits", "stopped", "code"),
    [(False, False, errno.ENOSPC), (True, True, errno.ENOSPC), (True, False, errno.EIO)],
    ids=["nobody waits", "the run is to stop", "it is no room that is lacking"],
)
def test_what_is_not_waited_for_fails_at_once(waits: bool, stopped: bool, code: int) -> None:
    with pytest.raises(RunFolderError, match="cannot write file: it fails"):
        Patience(waits, pytest.fail, lambda: stopped)(failing(1, code))


@pytest.mark.skipif(sys.platform == "win32", reason="no limit to the size of files")
def test_a_file_that_finds_no_room_leaves_the_one_before_and_nothing_else(tmp_path: Path) -> None:
    import resource

    replace(tmp_path / "file", b"before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9, limits[1]))
    try:
        with pytest.raises(RunFolderError, match="cannot write"):
            replace(tmp_path / "file", b"after " * 9)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"before")]


def test_a_checkpoint_that_could_not_be_completed_leaves_nothing(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(path: Path, rest: Callable[[], object]) -> str:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("ganreg.engine.checkpoints.flush", failing)
    run = tiny(train={"steps": 2})
    with pytest.raises(CheckpointError, match=r"cannot write the checkpoint .*: Input/output error"):
        run.train()
    assert not os.listdir(run.folder / "checkpoints")
