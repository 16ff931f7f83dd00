"""A sample of the faults of the disk, the whole is `python -m tests.crash.disk`; and a disk that really is full."""

import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ganreg.engine.checkpoints import Checkpoints
from tests.crash.campaign import arguments, compare, compose, run_and_wait
from tests.crash.disk import Trial

ROOT = Path(__file__).parents[2]
SCENARIO = "alternating"


def test_the_disk_fails_at_a_sample_of_the_writes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.disk", "--every", "83"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r" [1-9]\d* faults .* ok$", done.stdout, re.MULTILINE)) == 3


@pytest.mark.parametrize("event", ["os.rename", "os.rmdir"])
def test_an_old_checkpoint_goes_whole_or_loses_its_name(
    tmp_path: Path, event: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with capfd.disabled():
        trial = Trial(tmp_path)
        last = trial.numbers("os.rmdir")[-1]
        removal = max(number for number in trial.numbers(event) if number <= last)
        assert trial.stops(removal, errno.EROFS) == []


DISK = """
set -u
mount -t tmpfs -o size=1m tmpfs "$1" || exit 42
head -c 960000 /dev/zero > "$1/ballast"
"""
STOPS = """
ganreg run "$2" --out "$1/run" 2> "$3/first"; echo $? > "$3/code"
cp -a "$1/run" "$3/left"
rm "$1/ballast"
ganreg resume "$1/run" 2> "$3/second" || exit 1
"""
WAITS = """
ganreg run "$2" --out "$1/run" --set output.disk_full=wait 2> "$3/first" &
while ! grep -q "waiting for room" "$3/first"; do sleep 0.1; kill -0 $! || exit 1; done
rm "$1/ballast"
wait $!; echo $? > "$3/code"
"""


@pytest.fixture
def full(tmp_path: Path) -> Callable[[str], Path]:
    """Run a script with a disk on which a run's third checkpoint has no room, and return the folder of its results."""

    def play(script: str) -> Path:
        disk, results = tmp_path / "disk", tmp_path / "results"
        disk.mkdir()
        results.mkdir()
        run = compose(SCENARIO, tmp_path / "whole")
        (spec,) = arguments(run, tmp_path)
        run_and_wait(["run", spec])
        command = ["unshare", "--mount", "--map-root-user", "sh", "-c", f'{DISK}{script}cp -a "$1/run" "$3/run"', "sh"]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        try:
            done = subprocess.run(
                [*command, disk, spec, results],
                capture_output=True,
                text=True,
                timeout=600,
                env={**os.environ, "PATH": path},
            )
        except FileNotFoundError:
            pytest.skip("there is no `unshare` here to mount a small disk with")
        if done.returncode == 42 or "unshare" in done.stderr:
            pytest.skip(f"this machine lets nobody mount a small disk: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr + (results / "first").read_text()
        return results

    return play


def test_a_run_on_a_full_disk_stops_and_goes_on_once_there_is_room(full: Callable[[str], Path], tmp_path: Path) -> None:
    results = full(STOPS)
    assert int((results / "code").read_text()) == 6
    (message,) = [line for line in (results / "first").read_text().splitlines() if line.startswith("error: ")]
    found = re.fullmatch(r"error: cannot write the checkpoint .*/(\d{8}): No space left on device", message)
    assert found, message
    last = int(found[1]) - 2
    assert sorted(path.name for path in (results / "left" / "checkpoints").iterdir()) == [
        f"{last - 2:08d}",
        f"{last:08d}",
    ]
    assert Checkpoints(results / "left" / "checkpoints", 2).newest()[0]["step"] == last
    assert compare(tmp_path / "whole", results / "run") == []


def test_a_run_waits_for_room_where_its_spec_says_so(full: Callable[[str], Path], tmp_path: Path) -> None:
    results = full(WAITS)
    assert int((results / "code").read_text()) == 0
    assert "there is room again" in (results / "first").read_text()
    assert compare(tmp_path / "whole", results / "run") == []
