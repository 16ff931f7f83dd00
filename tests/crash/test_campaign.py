"""A sample of the kill campaign; the whole is `python -m tests.crash.campaign --kills 200`."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_run_that_is_killed_ten_times_ends_bit_identical() -> None:
    command = [sys.executable, "-m", "tests.crash.campaign", "--kills", "10", "--scenario", "feedback state (ADA)"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b10 kills .* bit-identical$", done.stdout.strip()), done.stdout
