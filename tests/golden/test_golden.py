"""The weights of each bundled spec are what they were."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.needs("ganreg-classic", "ganreg-datasets")
def test_the_weights_of_the_bundled_specs_are_what_they_were() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.golden"], cwd=ROOT, capture_output=True, text=True, timeout=600)
    if done.returncode == 2:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert " ok" in done.stdout
