"""One run, one writer."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from ganreg.engine.checkpoints import Checkpoints
from tests.crash.campaign import arguments, compose

STARTS = 50


def test_of_fifty_starts_in_one_folder_one_trains(tmp_path: Path) -> None:
    (spec,) = arguments(compose("alternating", tmp_path / "run"), tmp_path)
    command = [sys.executable, "-m", "ganreg", "run", spec]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(STARTS)
    ]
    said = [process.communicate(timeout=600)[1] for process in started]
    assert Counter(process.returncode for process in started) == {0: 1, 8: STARTS - 1}, said
    refused = {text for process, text in zip(started, said, strict=True) if process.returncode}
    assert all(text.startswith(f"error: {tmp_path / 'run'} ") and text.count("\n") == 1 for text in refused), refused
    assert Checkpoints(tmp_path / "run" / "checkpoints", 2).newest()[0]["step"] == 12
    assert not list(tmp_path.glob("run/checkpoints/.*"))


def test_a_bad_spec_leaves_no_folder_behind(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("loss: nothing\noutput: {folder: run}\n")
    command = [sys.executable, "-m", "ganreg", "run", "spec.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 3
    assert [path.name for path in tmp_path.iterdir()] == ["spec.yaml"]
