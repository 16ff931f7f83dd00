"""One run, played by several processes: what they compute together is what one computes alone."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import ganreg
from ganreg.engine.checkpoints import read
from ganreg.engine.folder import records
from ganreg.engine.streams import Share, Stream
from ganreg.engine.world import World
from ganreg.errors import ProcessError, SpecError
from ganreg.spec.runspec import Train

TOGETHER = Path(__file__).parent / "together.py"
STEPS = 5

MANNERS: Mapping[str, Mapping[str, Any]] = {
    "alternating": {},
    "conditional": {"conditional": True},
    "r1": {"penalties": [{"name": "tiny-r1", "weight": 2, "every": 2}]},
    "ada": {"augment": {"name": "tiny-ada", "interval": 1, "length": 40, "initial": 0.5}},
    "extragradient": {"schedule": "tiny-extragradient"},
    "relativistic": {"loss": "tiny-relativistic"},
    "accumulated": {"loss": "tiny-relativistic", "train": {"accumulate": 2}},
    "auxiliary": {"conditional": True, "discriminator": "tiny-auxiliary", "loss": {"name": "tiny-acgan"}},
    "features": {"discriminator": "tiny-multiscale", "loss": "tiny-feature-matching"},
    "path-length": {"generator": "tiny-mapped", "penalties": [{"name": "tiny-path-length", "every": 2}]},
    "growing": {
        "data": {"name": "tiny-pictures", "side": 16, "count": 40},
        "generator": "tiny-growing",
        "discriminator": "tiny-growing",
        "schedule": {"name": "tiny-progressive", "steps_per_stage": 2},
    },
    "clipped": {"train": {"clip": 0.05}},
    "latent": {"schedule": "tiny-logan"},
}


def spec_of(composition: Mapping[str, Any], folder: Path, changes: Mapping[str, Any]) -> dict[str, Any]:
    """A run of eight pictures a step, which leaves all that it does in its folder."""
    train = {"steps": STEPS, "batch_size": 8, "device": "cpu", **changes.get("train", {})}
    output = {"folder": str(folder), "log_every": 1, "samples_every": 2, "samples": 4, "checkpoint_every": STEPS}
    return {**composition, **changes, "train": train, "output": output}


def launch(processes: int, *arguments: str, limit: float = 240) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(processes, *arguments), capture_output=True, text=True, timeout=limit, env=quiet())


def command(processes: int, *arguments: str) -> list[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return [*launcher, *arguments]


def quiet() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


@pytest.fixture(scope="module")
def pairs(composition: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which two processes have played every manner."""
    folder = tmp_path_factory.mktemp("together")
    runs = [spec_of(composition, folder / name, changes) for name, changes in MANNERS.items()]
    (folder / "runs.json").write_text(json.dumps(runs))
    result = launch(2, str(TOGETHER), str(folder / "runs.json"))
    assert result.returncode == 0, result.stderr
    return folder


@pytest.mark.parametrize("manner", MANNERS)
def test_two_processes_play_the_run_of_one(
    manner: str, pairs: Path, composition: dict[str, Any], tmp_path: Path
) -> None:
    alone = ganreg.compose(**spec_of(composition, tmp_path / "alone", MANNERS[manner])).train()
    mine, theirs = (read(folder / "checkpoints" / f"{STEPS:08d}") for folder in (alone.folder, pairs / manner))
    assert plain(mine) == plain(theirs)
    for name, tensor in tensors(mine):
        torch.testing.assert_close(dict(tensors(theirs))[name], tensor, rtol=2e-3, atol=2e-5, msg=name)
    for one, two in zip(records(alone.folder / "log.jsonl"), records(pairs / manner / "log.jsonl"), strict=True):
        assert one["losses"] == pytest.approx(two["losses"], rel=1e-3, abs=1e-5)


def tensors(state: Any, path: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(state, torch.Tensor):
        yield path, state.double()
    elif isinstance(state, dict):
        for key, value in state.items():
            yield from tensors(value, f"{path}/{key}")


def plain(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: plain(value) for key, value in state.items()}
    return "tensor" if isinstance(state, torch.Tensor) else state
