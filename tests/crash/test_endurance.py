"""Nothing grows over a long run; the whole is `python -m tests.crash.endurance --steps 20000`."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_nothing_grows_over_two_thousand_steps() -> None:
    command = [sys.executable, "-m", "tests.crash.endurance", "--steps", "2000"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^ +2000 .*^grows: nothing$", done.stdout, re.MULTILINE | re.DOTALL), done.stdout
