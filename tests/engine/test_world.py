"""One run, played by several processes: what they compute together is what one computes alone."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import torch

import ganreg
from ganreg.engine.checkpoints import read
from ganreg.engine.folder import records
from ganreg.engine.loop import Stop
from ganreg.engine.streams import Share, Stream
from ganreg.engine.world import World
from ganreg.errors import Interrupted, SpecError
from ganreg.spec.runspec import Train

CPU = torch.device("cpu")
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
        "schedule": {"name": "tiny-progressive", "stage_steps": 2, "fade_steps": 1},
    },
    "clipped": {"train": {"clip": 0.05}},
    "latent": {"schedule": "tiny-logan"},
    "batch-norm": {
        "generator": {"name": "tiny-generator", "normalized": True},
        "discriminator": {"name": "tiny-discriminator", "normalized": True},
        "penalties": ["tiny-r1"],
        "train": {"sync_batch_norm": True},
        # A bias before a normalization has no gradient but rounding, of which Adam makes full steps.
        "optimizers": {player: {"name": "tiny-sgd", "lr": 0.05} for player in ("generator", "discriminator")},
    },
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


@pytest.fixture
def spec_file(composition: dict[str, Any], tmp_path: Path) -> Callable[..., list[str]]:
    """The words of a command that trains for some steps into `run`, with a checkpoint every other step."""

    def write(steps: int, **changes: Any) -> list[str]:
        spec = spec_of(
            composition, tmp_path / "run", {**changes, "train": {"steps": steps, **changes.get("train", {})}}
        )
        spec["output"]["checkpoint_every"] = 2
        (tmp_path / "spec.json").write_text(json.dumps(spec))
        return ["run", str(tmp_path / "spec.json")]

    return write


@contextmanager
def started(*arguments: str, processes: int = 2) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command(processes, *arguments), stderr=subprocess.PIPE, text=True, env=quiet(), start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def await_checkpoint(folder: Path, limit: float = 90) -> None:
    end = time.monotonic() + limit
    while not list((folder / "checkpoints").glob("0*")):
        assert time.monotonic() < end, "no checkpoint came"
        time.sleep(0.05)


def children(launcher: int) -> list[int]:
    """The processes of a launcher, by their rank."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(launcher)], capture_output=True, text=True).stdout
    ranks = {}
    for pid in map(int, listed.split()):
        told = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        ranks |= {int(word[5:]): pid for word in told if word.startswith(b"RANK=")}
    return [ranks[rank] for rank in sorted(ranks)]


@pytest.mark.parametrize(("number", "told"), [(signal.SIGTERM, "all"), (signal.SIGINT, "one")])
def test_a_signal_stops_all_after_the_same_step_and_one_goes_on(
    number: signal.Signals, told: str, spec_file: Callable[..., list[str]], tmp_path: Path
) -> None:
    with started("-m", "ganreg", *spec_file(100_000)) as launcher:
        await_checkpoint(tmp_path / "run")
        os.kill(children(launcher.pid)[1] if told == "one" else launcher.pid, number)
        said = launcher.communicate(timeout=60)[1]
    found = re.search(r"stopped by a signal after step (\d+), and saved: `ganreg resume .*` goes on", said)
    assert found, said
    assert said.count("stopping after this step") <= 1, "the first process says it, where it is told"
    step = int(found[1])
    logged = records(tmp_path / "run" / "log.jsonl")
    assert [record["step"] for record in logged] == list(range(1, step + 1))
    assert read(tmp_path / "run" / "checkpoints" / f"{step:08d}")["step"] == step
    spec = tmp_path / "run" / "spec.yaml"
    spec.write_text(spec.read_text().replace("steps: 100000", f"steps: {step + 2}"))
    sentences: list[str] = []
    ganreg.load(tmp_path / "run").train(resume=True, say=sentences.append)
    assert f"going on from step {step}" in sentences


@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_dies_brings_the_run_down_with_its_name(
    rank: int, spec_file: Callable[..., list[str]], tmp_path: Path
) -> None:
    with started("-m", "ganreg", *spec_file(100_000)) as launcher:
        await_checkpoint(tmp_path / "run")
        pid = children(launcher.pid)[rank]
        os.kill(pid, signal.SIGKILL)
        said = launcher.communicate(timeout=60)[1]
    assert launcher.returncode != 0
    assert f"process {rank} of 2 (pid {pid} on " in said
    assert "ended before the run did" in said
    for path in (tmp_path / "run" / "checkpoints").glob("0*"):
        assert read(path)["step"] == int(path.name)


def test_what_the_launcher_starts_again_goes_on(spec_file: Callable[..., list[str]], tmp_path: Path) -> None:
    words = spec_file(60, data={"name": "tiny-pictures", "side": 64, "count": 40})
    launcher = command(2, "--max-restarts=1", "-m", "ganreg", *words)
    with subprocess.Popen(launcher, stderr=subprocess.PIPE, text=True, env=quiet()) as process:
        await_checkpoint(tmp_path / "run")
        os.kill(children(process.pid)[1], signal.SIGKILL)
        said = process.communicate(timeout=120)[1]
    assert process.returncode == 0, said
    assert re.search(r"going on from step \d+", said)
    assert [record["step"] for record in records(tmp_path / "run" / "log.jsonl")] == list(range(1, 61))


def test_a_state_that_differs_between_processes_is_told_of(spec_file: Callable[..., list[str]], tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text(FORGETFUL)
    result = launch(2, "-m", "ganreg", "--plugin", str(plugin), *spec_file(4, penalties=["forgetful"]))
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("the state of penalties.forgetful differs between the processes") == 1


FORGETFUL = """
import torch
from ganreg import Penalty, hookimpl

class Level(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("level", torch.zeros(()))

    def forward(self, play):
        self.level.copy_(play.real.mean())
        return (play.real_output.logits * self.level).mean()

class Forgetful(Penalty, name="forgetful"):
    def build(self, task):
        return Level()

@hookimpl
def ganreg_components():
    return [Forgetful]
"""


def test_a_mistake_is_told_once(spec_file: Callable[..., list[str]]) -> None:
    result = launch(2, "-m", "ganreg", *spec_file(4, train={"batch_size": 9}))
    assert result.stderr.count("2 processes cannot share a batch of 9 equally") == 1
    assert "spec.json:1:" in result.stderr


def test_two_processes_go_on_with_what_one_has_begun(spec_file: Callable[..., list[str]], tmp_path: Path) -> None:
    words = spec_file(6)
    whole = json.loads((tmp_path / "spec.json").read_text())
    ganreg.compose(**{**whole, "output": {**whole["output"], "folder": str(tmp_path / "whole")}}).train()
    stop = Stop()
    with pytest.raises(Interrupted):
        ganreg.load(words[1]).train(
            stop=stop, tick=lambda step: setattr(stop, "signal_number", 15) if step == 2 else None
        )
    result = launch(2, "-m", "ganreg", "resume", str(tmp_path / "run"))
    assert result.returncode == 0, result.stderr
    for one, two in zip(*(records(tmp_path / name / "log.jsonl") for name in ("whole", "run")), strict=True):
        assert one["losses"] == pytest.approx(two["losses"], rel=1e-3, abs=1e-5)


def test_numbers_for_rows_are_those_that_the_whole_has() -> None:
    whole, share = Stream(CPU, 3, "test"), Stream(CPU, 3, "test", share=Share(2, 2, 6))
    assert torch.equal(share.normal(2, 3), whole.normal(6, 3)[2:4])
    assert torch.equal(share.uniform(5, 2, 1), whole.uniform(5, 6, 1)[:, 2:4])
    assert torch.equal(share.integers(9, 2), whole.integers(9, 6)[2:4])
    assert torch.equal(share.normal(7, 3), whole.normal(7, 3)), "of no picture: the same in all processes"


def test_a_batch_that_cannot_be_dealt_out_is_refused() -> None:
    World(0, 3).check(Train(batch_size=12, accumulate=2))
    with pytest.raises(SpecError, match="3 processes cannot share a batch of 16 in 8 parts"):
        World(0, 3).check(Train(batch_size=16, accumulate=8))
