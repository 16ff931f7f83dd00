"""A sample of the campaigns of mutations; the whole is 10,000 of each."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("campaign", "mutations"), [("specs", 60), ("checkpoints", 40)])
def test_a_sample_of_a_campaign_is_clean(campaign: str, mutations: int) -> None:
    command = [sys.executable, "-m", f"tests.crash.{campaign}", "--mutations", str(mutations), "--seed", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"^{mutations} mutations in \d+ s: clean$", done.stdout, re.MULTILINE), done.stdout
    assert sum(map(int, re.findall(r"^ *(\d+)  \w+: (?:accepted|loaded|refused)$", done.stdout, re.MULTILINE))) == (
        mutations
    )
