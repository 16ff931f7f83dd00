"""The comparison tells trainers apart that are right, forgetful and careless; ganreg goes through it.

The libraries that it compares ganreg with are no dependency of the project.
"""

import json
import random
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from tests.crash.compare import damage, divergence, kills, toy
from tests.crash.compare.trainers import Trainer

ROOT = Path(__file__).parents[3]
STEPS = 20


def train(folder: Path, *, forgets: bool = False, breaks: bool = False) -> int:
    """A number that changes from step to step, in a checkpoint before the first step and after each."""
    path = folder / "state.pt"
    if path.exists():
        state = torch.load(path)
        value = state["value"] * (not forgets)
    else:
        state, value = {"step": torch.tensor(0)}, torch.tensor(1.0)
        save(path, state["step"], value, breaks)
    for step in range(int(state["step"]) + 1, STEPS + 1):
        value = toy.faults.strike(value * 0.9 + step)
        save(path, torch.tensor(step), value, breaks and step < STEPS)
    return 0


def save(path: Path, step: torch.Tensor, value: torch.Tensor, breaks: bool) -> None:
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_suffix(".temporary")
    torch.save({"step": step, "value": value}, temporary)
    if breaks:
        temporary.write_bytes(b"")
    temporary.replace(path)


def trainer(function: Callable[[Path], int]) -> Trainer:
    return Trainer("fake", function, lambda folder: list(folder.glob("state.pt")), torch.load)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toy, "STEPS", STEPS)


@pytest.fixture
def measured(tmp_path: Path) -> Callable[[Callable[[Path], int]], dict[str, object]]:
    return lambda function: kills.measure(trainer(function), 3, random.Random(0), tmp_path)


pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")


def test_a_trainer_that_resumes_exactly_ends_equal(measured) -> None:
    assert measured(train)["ended equal"] == 3


def test_a_trainer_that_forgets_ends_different(measured) -> None:
    assert measured(partial(train, forgets=True))["ended different"] == 3


def test_a_trainer_with_broken_checkpoints_does_not_resume(measured) -> None:
    found = measured(partial(train, breaks=True))
    assert found["did not resume"] == found["newest checkpoint broken by the kill"] == 3


def test_a_nan_is_followed_into_the_checkpoint(tmp_path: Path) -> None:
    found = divergence.measure(trainer(train), tmp_path / "run")
    assert (found["exit code"], found["further steps"]) == (0, STEPS - divergence.middle())
    assert not found["last checkpoint is finite"]


def test_flipped_bits_of_plain_files_go_unnoticed(tmp_path: Path) -> None:
    found = damage.plain({"weight": torch.rand(1000)}, 50, random.Random(0), tmp_path)
    assert all(file["loaded all the same"] >= file["with other weights or moments"] > 0 for file in found.values())


@pytest.mark.needs("ganreg-classic")
def test_ganreg_goes_through_it() -> None:
    options = ["--only", "ganreg", "--steps", "30", "--fault", "NaN in a loss", "--json"]
    command = [sys.executable, "-m", "tests.crash.compare", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)["results"]["ganreg"]["NaN in a loss"]
    assert (found["exit code"], found["last checkpoint is finite"]) == (7, True)
