"""One writer per folder."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from ganreg.claims import LOCK, claim

TRY = "import sys\nfrom ganreg.claims import claim\nprint(claim(sys.argv[1]) is not None)"
HOLD = f"{TRY}\nsys.stdout.flush()\nsys.stdin.read()"
ENTER = """
import os, sys, time
from ganreg.claims import claim
folder, entered = sys.argv[1] + "/run", 0
until = time.monotonic() + 1.5
while time.monotonic() < until:
    let_go = claim(folder)
    if let_go:
        os.close(os.open(sys.argv[1] + "/inside", os.O_CREAT | os.O_EXCL))  # FileExistsError where two are
        os.unlink(sys.argv[1] + "/inside")
        entered += 1
        let_go()
assert entered
"""


def claimed(folder: Path) -> Callable[[], None]:
    let_go = claim(folder)
    assert let_go is not None
    return let_go


def free(folder: Path) -> bool:
    """Whether another process gets the folder."""
    done = subprocess.run([sys.executable, "-c", TRY, str(folder)], capture_output=True, text=True, check=True)
    return done.stdout == "True\n"


def test_a_folder_is_claimed_by_one_process(tmp_path: Path) -> None:
    let_go = claimed(tmp_path)
    assert not free(tmp_path)
    let_go()
    assert free(tmp_path)


def test_one_thread_claims_again_and_lets_go_as_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outer, inner = claimed(tmp_path / "run"), claimed(Path("run"))
    inner()
    assert (tmp_path / "run").is_dir()
    assert not free(tmp_path / "run")
    outer()
    assert not (tmp_path / "run").exists()


def test_another_thread_is_refused(tmp_path: Path) -> None:
    let_go = claimed(tmp_path)
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(claim(tmp_path)))
    thread.start()
    thread.join()
    assert found == [None]
    let_go()


def test_a_killed_process_has_no_claim(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"True\n"
    assert claim(tmp_path) is None
    holder.kill()
    holder.communicate()
    claimed(tmp_path)()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_forked_child_has_no_claim(tmp_path: Path) -> None:
    let_go = claimed(tmp_path)
    inside, outside = os.pipe()
    child = os.fork()
    if not child:
        os.close(outside)
        os.read(inside, 1)  # until the test is over
        os._exit(0)
    os.close(inside)
    time.sleep(0.1)
    let_go()
    assert free(tmp_path)
    os.close(outside)
    os.waitpid(child, 0)


def test_no_two_are_inside_where_folders_come_and_go(tmp_path: Path) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", ENTER, tmp_path], stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    said = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [0] * 4, said
    assert not list(tmp_path.iterdir())


def test_only_a_folder_that_nothing_was_written_into_goes(tmp_path: Path) -> None:
    let_go = claimed(tmp_path / "run")
    (tmp_path / "run" / "notes.txt").touch()
    let_go()
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [LOCK, "notes.txt"]


def test_filelock_and_a_claim_keep_each_other_out(tmp_path: Path) -> None:
    """Where there is no flock the library takes over; it locks the same file."""
    let_go = claimed(tmp_path)
    with pytest.raises(Timeout):
        FileLock(tmp_path / LOCK).acquire(timeout=0)
    let_go()
    with FileLock(tmp_path / LOCK):
        assert claim(tmp_path) is None


def test_where_there_can_be_no_folder_the_system_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        claim(tmp_path / "file" / "run")
