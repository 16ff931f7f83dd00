"""Jobs that are asked to stop while they begin."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from threading import Event

from ganreg.sweep.processes import Job, execute


def test_a_process_that_begins_after_the_signal_is_stopped_too(
    options: Callable[[int], tuple[str, ...]], tmp_path: Path
) -> None:
    words = ["run", *options(1), "--set", "train.steps=1000000", "--out", str(tmp_path / "run")]
    stopped = Event()
    stopped.set()
    outcome = execute(Job("late", words, tmp_path / "log.txt", tmp_path / "stop", os.environ), {}, stopped)
    assert outcome.exit_code == -signal.SIGTERM
    assert outcome.error == "ended by SIGTERM"
