"""The memory that steps free."""

import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import ganreg

STEPS = r"""
import pathlib, re, resource, sys
from ganreg.engine.memory import give_back, keep_freed
import torch
torch.set_num_threads(1)
if sys.argv[1] == "kept":
    keep_freed()

def step():
    images = [torch.ones(2**18 * size) for size in range(1, 8)]
    return sum(image.sum() for image in images)

def held():
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path("/proc/self/status").read_text())[1])

for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
kept = held()
give_back()
print(faults, (kept - held()) // 1024)
"""


def measured(kept: str, **environment: str) -> tuple[int, int]:
    """Pages that ten steps had to be given, 4 KiB each, and MiB that were given back in the end."""
    words = [sys.executable, "-c", STEPS, kept]
    done = subprocess.run(words, check=True, capture_output=True, text=True, env={"PATH": "", **environment})
    faults, given_back = map(int, done.stdout.split())
    return faults, given_back


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc that gives memory back so soon")
def test_what_a_step_frees_is_there_for_the_next_one() -> None:
    plain, _ = measured("plain")
    kept, given_back = measured("kept")
    assert plain > 10_000
    assert kept < plain / 10
    assert given_back > 10, "a step makes 28 MiB"
    assert measured("kept", MALLOC_MMAP_THRESHOLD_="100000")[0] > 10_000, "what the user has chosen stays"


def test_gradients_go_with_the_last_step(composition: dict[str, Any], tmp_path: Path) -> None:
    train = {"steps": 3, "batch_size": 4, "device": "cpu"}
    run = ganreg.compose(**composition, train=train, output={"folder": tmp_path / "run", "samples": 4}).train()
    assert run.training is not None
    players = [run.training.match.player(name) for name in run.training.match.players]
    assert all(parameter.grad is None for player in players for parameter in player.parameters)
    assert all(player.optimizer.state for player in players), "these may be asked for still"
