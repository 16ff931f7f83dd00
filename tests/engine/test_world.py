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
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

import ganreg
from ganreg.cli import main
from ganreg.engine.checkpoints import read
from ganreg.engine.folder import records
from ganreg.engine.streams import Share, Stream
from ganreg.engine.world import World
from ganreg.errors import DivergenceError, RunFolderError, SpecError
from ganreg.registry import Registry
from ganreg.spec.runspec import Train
from tests.conftest import begin
from tests.engine.strangers import BRIGHT

CPU = torch.device("cpu")
TOGETHER, STRANGERS = (Path(__file__).parent / name for name in ("together.py", "strangers.py"))
STEPS = 5
SGD = {"name": "tiny-sgd", "lr": 0.05}
STRANGE: Mapping[str, Mapping[str, Any]] = {
    "gathers": {"penalties": ["gathering"]},
    # The last bias has no gradient but rounding, of which Adam makes full steps.
    "contrasted": {"penalties": ["contrasted"], "optimizers": dict.fromkeys(("generator", "discriminator"), SGD)},
    "copies": {
        "augment": {"name": "tiny-ada", "initial": 0.5, "target": 1},
        "penalties": [{"name": "copies", "weight": 9}],
    },
    "draws": {"penalties": ["drawing"]},
    "learning": {"penalties": ["learning"]},
    "listening": {"discriminator": "tiny-judge", "penalties": ["listening"], "train": {"accumulate": 2}},
    "mixed": {"loss": "tiny-relativistic", "schedule": "mixed"},
    "packed": {
        "discriminator": "tiny-judge",
        "game": "packed",
        "loss": "tiny-relativistic",
        "penalties": ["listening"],
    },
    # The first passes over pictures that one of two processes may have all of, the second over all.
    "skips": {"penalties": ["skipping", {"name": "skipping", "every_row": True}, "tiny-r1"]},
    "sometimes": {"discriminator": "tiny-judge", "penalties": ["sometimes", "listening"]},
}

MANNERS: dict[str, Mapping[str, Any]] = {
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
    "augmented-parts": {
        "augment": {"name": "tiny-ada", "interval": 1, "length": 40, "initial": 0.5},
        "train": {"accumulate": 4},
    },
    "batch-norm": {
        "generator": {"name": "tiny-generator", "normalized": True},
        "discriminator": {"name": "tiny-discriminator", "normalized": True},
        "penalties": ["tiny-r1"],
        "train": {"sync_batch_norm": True},
        # A bias before a normalization has no gradient but rounding, of which Adam makes full steps.
        "optimizers": dict.fromkeys(("generator", "discriminator"), SGD),
    },
}
if all(map(find_spec, ("ganreg_losses", "ganreg_penalties", "ganreg_discriminant"))):  # what looks at whole batches
    terms = ("losses/feature-matching", "losses/pull-away", "losses/mode-seeking", "losses/gdpp")
    steep = ("penalties/max-gradient-penalty", "penalties/dragan")
    contrastive = {"name": "discriminant/contrastive", "base": "tiny-judge"}
    MANNERS |= {
        "coupled": {"discriminator": "tiny-judge", "loss": "losses/top-k", "penalties": [*terms, *steep]},
        "contrastive": {
            "conditional": True,
            "discriminator": contrastive,
            "penalties": ["discriminant/contrastive", "discriminant/d2d-ce"],
        },
    }


if find_spec("ganreg_dynamics"):
    MANNERS["objectives-batch-norm"] = {**MANNERS["batch-norm"], "schedule": "dynamics/consensus"}


def spec_of(composition: Mapping[str, Any], folder: Path, changes: Mapping[str, Any]) -> dict[str, Any]:
    """A run of eight pictures a step, which leaves all that it does in its folder."""
    train = {"steps": STEPS, "batch_size": 8, "device": "cpu", **changes.get("train", {})}
    output = {"folder": str(folder), "log_every": 1, "samples_every": 2, "samples": 4, "checkpoint_every": STEPS}
    return {**composition, **changes, "train": train, "output": output}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *arguments]


def quiet() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


def written(composition: Mapping[str, Any], folder: Path, steps: int, **changes: Any) -> list[str]:
    """The words of a command that trains for some steps into `run`, with a checkpoint every other step."""
    folder.mkdir(exist_ok=True)
    train = {"steps": steps, **changes.get("train", {})}
    spec = spec_of(composition, folder / "run", {**changes, "train": train})
    spec["output"]["checkpoint_every"] = 2
    (folder / "spec.json").write_text(json.dumps(spec))
    return ["run", str(folder / "spec.json")]


@pytest.fixture(scope="module")
def pairs(composition: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which two processes, launched once, have played every manner and called what has a file here."""
    folder = tmp_path_factory.mktemp("together")
    forgetful = written(composition, folder / "forgetful", 4, penalties=["forgetful"])
    losing = written(composition, folder / "losing", 4, penalties=["losing"], train={"nonfinite": "rollback"})
    begin(ganreg.load(written(composition, folder / "begun", 6)[1]), 3)
    mine = ("--plugin", str(STRANGERS))
    strange = {name: [*mine, *written(composition, folder / name, 4, **changes)] for name, changes in STRANGE.items()}
    work = {
        "runs": [spec_of(composition, folder / name, changes) for name, changes in MANNERS.items()],
        "calls": {
            **strange,
            "forgets": [*mine, *forgetful],
            "loses": [*mine, *losing],
            "rewrites": [*mine, *written(composition, folder / "rewriting", 4, discriminator="rewriting")],
            "mistaken": written(composition, folder / "mistaken", 4, train={"batch_size": 9}),
            "resumes": ["resume", str(folder / "begun" / "run")],
            "normalizes": written(
                composition, folder / "apart", 2, generator={"name": "tiny-generator", "normalized": True}
            ),
        },
    }
    (folder / "work.json").write_text(json.dumps(work))
    launcher = command(str(TOGETHER), str(folder / "work.json"))
    result = subprocess.run(launcher, capture_output=True, text=True, timeout=240, env=quiet())
    assert result.returncode == 0, result.stderr
    return folder


def heard(pairs: Path, name: str, code: int) -> str:
    """What both processes said in a call that ended with a code."""
    text = (pairs / f"{name}.txt").read_text()
    assert text.count(f"exit code {code}\n") == 2, text
    return text


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
    """`written` in a folder of the test's own."""
    return partial(written, composition, tmp_path)


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command(*arguments), stderr=subprocess.PIPE, text=True, env=quiet(), start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def saved(folder: Path) -> int:
    """The step of a run's newest checkpoint."""
    return max((int(path.name) for path in (folder / "checkpoints").glob("0*")), default=0)


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)


def children(launcher: int) -> list[int]:
    """The processes of a launcher, by their rank."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(launcher)], capture_output=True, text=True).stdout
    ranks = {}
    for pid in map(int, listed.split()):
        with suppress(FileNotFoundError, ProcessLookupError):  # it may be gone by now
            told = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            ranks |= {int(word[5:]): pid for word in told if word.startswith(b"RANK=")}
    return [ranks[rank] for rank in sorted(ranks)]


def players(launcher: int, run: Path, gone: list[int]) -> list[int]:
    """The two processes, none of those that are gone, once they have saved something."""
    wait_for(lambda: len(children(launcher)) == 2 and not {*gone} & {*children(launcher)})
    before = saved(run)
    wait_for(lambda: saved(run) > before)
    return children(launcher)


@pytest.mark.parametrize(("number", "told"), [(signal.SIGTERM, "all"), (signal.SIGINT, "one")])
def test_a_signal_stops_all_after_the_same_step_and_one_goes_on(
    number: signal.Signals, told: str, spec_file: Callable[..., list[str]], tmp_path: Path
) -> None:
    with started("-m", "ganreg", *spec_file(100_000)) as launcher:
        wait_for(lambda: saved(tmp_path / "run") > 0)
        os.kill(children(launcher.pid)[1] if told == "one" else launcher.pid, number)
        said = launcher.communicate(timeout=60)[1]
    found = re.search(r"stopped by a signal after step (\d+), and saved: `ganreg resume .*` goes on", said)
    assert found, said
    assert said.count("stopping after this step") <= 1, "the first process says it, where it is told"
    step = int(found[1])
    logged = records(tmp_path / "run" / "log.jsonl")
    assert [record["step"] for record in logged] == list(range(1, step + 1))
    assert read(tmp_path / "run" / "checkpoints" / f"{step:08d}")["step"] == step
    goes_on(tmp_path / "run", step)


def test_a_process_that_dies_brings_the_run_down_and_what_is_started_again_goes_on(
    spec_file: Callable[..., list[str]], tmp_path: Path
) -> None:
    """One process dies, the launcher starts both again, and the other one dies."""
    run = tmp_path / "run"
    with started("--max-restarts=1", "-m", "ganreg", *spec_file(100_000)) as launcher:
        first = players(launcher.pid, run, [])
        os.kill(first[1], signal.SIGKILL)
        second = players(launcher.pid, run, first)
        os.kill(second[0], signal.SIGKILL)
        said = launcher.communicate(timeout=60)[1]
    assert launcher.returncode != 0
    assert f"process 1 of 2 (pid {first[1]} on " in said
    assert f"process 0 of 2 (pid {second[0]} on " in said
    assert said.count("ended before the run did") == 2
    assert re.search(r"going on from step \d+", said)
    for path in (run / "checkpoints").glob("0*"):
        assert read(path)["step"] == int(path.name)
    goes_on(run, saved(run))


def test_what_fails_in_the_first_process_alone_ends_both(composition: dict[str, Any], tmp_path: Path) -> None:
    """Though a part has a state, which they compare where they save together."""
    begin(ganreg.load(written(composition, tmp_path / "other", 6)[1]), 3)
    changes = {"augment": "tiny-ada", "metrics": [{"name": "failing", "every": 3}], "init": str(tmp_path / "other/run")}
    words = ["--plugin", str(STRANGERS), *written(composition, tmp_path / "here", 9, **changes)]
    result = subprocess.run(command("-m", "ganreg", *words), capture_output=True, text=True, timeout=240, env=quiet())
    assert result.returncode != 0
    assert "the metric 'failing' failed after step 3, which is saved" in result.stderr
    assert read(tmp_path / "here/run/checkpoints/00000003")["step"] == 3


def goes_on(run: Path, step: int) -> None:
    """One process goes on from a step, and the log has every step once."""
    spec = run / "spec.yaml"
    spec.write_text(spec.read_text().replace("steps: 100000", f"steps: {step + 2}"))
    sentences: list[str] = []
    ganreg.load(run).train(resume=True, say=sentences.append)
    assert f"going on from step {step}" in sentences
    assert [record["step"] for record in records(run / "log.jsonl")] == list(range(1, step + 3))


def test_a_state_that_differs_between_processes_is_told_of(pairs: Path) -> None:
    assert heard(pairs, "forgets", 0).count("the state of penalties.forgetful differs between the processes") == 1
    assert heard(pairs, "rewrites", 0).count("the network 'discriminator' differs between the processes") == 1


def test_what_is_no_number_in_one_process_stops_both(pairs: Path) -> None:
    assert "what another process holds is not finite" in heard(pairs, "loses", DivergenceError.exit_code)


def test_that_each_normalizes_its_own_pictures_is_said_once(pairs: Path) -> None:
    said = "batch normalization sees each process's own pictures; train.sync_batch_norm=true lets it see all\n"
    assert heard(pairs, "normalizes", 0).count(said) == 1
    assert said not in heard(pairs, "resumes", 0)


@pytest.mark.parametrize("name", STRANGE)
def test_parts_of_strangers_are_played_as_by_one_process(
    name: str, pairs: Path, composition: dict[str, Any], tmp_path: Path
) -> None:
    assert "differs between the processes" not in heard(pairs, name, 0)
    spec, registry = spec_alone(composition, tmp_path, STRANGE[name]), Registry.discover(files=[STRANGERS])
    alone = ganreg.compose(registry=registry, **spec).train()
    mine, theirs = (read(folder / "checkpoints" / "00000004") for folder in (alone.folder, pairs / name / "run"))
    for path, tensor in tensors(mine["parts"]):
        torch.testing.assert_close(dict(tensors(theirs["parts"]))[path], tensor, rtol=1e-3, atol=1e-5, msg=path)
    for one, two in zip(*(records(f / "log.jsonl") for f in (alone.folder, pairs / name / "run")), strict=True):
        assert one["losses"] == pytest.approx(two["losses"], rel=1e-3, abs=1e-5)


def test_a_term_that_one_of_the_processes_has_not_counts_as_zero_there(
    pairs: Path, composition: dict[str, Any], tmp_path: Path
) -> None:
    logged = records(pairs / "skips" / "run" / "log.jsonl")
    assert not any("discriminator/skipping.2" in record["losses"] for record in logged)
    spec, registry = spec_alone(composition, tmp_path, STRANGE["skips"]), Registry.discover(files=[STRANGERS])
    match = ganreg.compose(registry=registry, **spec).assemble().match
    bright = [match.sources.read(step, slice(0, 8)).images.mean(dim=(1, 2, 3)) > BRIGHT for step in range(4)]
    assert any(rows[:4].any() != rows[4:].any() for rows in bright), "one process has the term, and the other has not"


def spec_alone(composition: dict[str, Any], folder: Path, changes: Mapping[str, Any]) -> dict[str, Any]:
    return spec_of(composition, folder / "alone", {**changes, "train": {"steps": 4, **changes.get("train", {})}})


def test_a_mistake_is_told_once(pairs: Path) -> None:
    text = heard(pairs, "mistaken", SpecError.exit_code)
    assert text.count("2 processes cannot share a batch of 9 equally") == 1
    assert "spec.json:1:" in text


def test_two_processes_go_on_with_what_one_has_begun(
    pairs: Path, spec_file: Callable[..., list[str]], tmp_path: Path
) -> None:
    assert "going on from step 3\n" in heard(pairs, "resumes", 0)
    ganreg.load(spec_file(6)[1]).train()
    logs = (records(folder / "run" / "log.jsonl") for folder in (tmp_path, pairs / "begun"))
    for one, two in zip(*logs, strict=True):
        assert one["losses"] == pytest.approx(two["losses"], rel=1e-3, abs=1e-5)


MESSAGES = """
import torch
from ganreg.engine import world as engine
from ganreg.engine.batch_norm import synchronize
from ganreg.engine.joining import joined
from ganreg.engine.state import same

with joined("cpu") as world:
    own = 1 if world.first else 5
    buffers = [torch.full((3,), own).to(kind).conj() for kind in (torch.float32, torch.int16, torch.complex64)]
    buffers += [torch.full((3,), world.first), torch.full((2, 2), own).T, torch.zeros(0)]
    world.follow(buffers)
    assert all(buffer.eq(1).all() for buffer in buffers), buffers
    gradient = torch.full((3,), own + 2j * own).conj()
    world.average([gradient])
    assert gradient.eq(3 - 6j).all(), gradient
    engine.BUCKET = 4
    numbers = [torch.full((size,), float(own + size)) for size in (9, 3, 1, 2, 9, 0)]
    world.average(numbers)
    assert all(number.eq(3 + len(number)).all() for number in numbers), numbers
    for kind in (torch.float64, torch.complex64):
        rows = torch.full((2, 2), own).to(kind).requires_grad_()
        gathered = world.gather(rows)
        assert gathered.tolist() == [[1, 1]] * 2 + [[5, 5]] * 2, gathered
        given = torch.arange(8).reshape(4, 2).to(kind) * own
        before = given.clone()
        (found,) = torch.autograd.grad(gathered, rows, given)
        assert found.equal(6 * torch.arange(8).reshape(2, 2, 2)[world.rank].to(kind)), found
        assert given.equal(before), "an incoming gradient is not ours to write to"
    state = {"step": 3, "none": torch.zeros(0, 2), "half": torch.ones(2, dtype=torch.bfloat16), "pair": (1, None)}
    assert same(world.share(state if world.first else None, torch.device("cpu")), state)
    assert [world.agree(7), world.agree(own), world.agree(-own)] == [True, False, False]
    used, head = (torch.nn.Parameter(torch.zeros(2)) for _ in range(2))
    terms = {"loss": torch.tensor(own)}
    if world.first:
        used.grad = torch.ones(2)
        terms = {"some": torch.tensor(1.0), **terms}
    terms = world.average_gradients([used, head], terms, ["some", "none"])
    assert terms == {"loss": 3, "some": 0.5}, terms
    assert used.grad.eq(0.5).all() and head.grad is None, (used.grad, head.grad)
    rows = torch.arange(12.0).reshape(2, 2, 3) ** 2
    ours, plain = torch.nn.BatchNorm1d(3), torch.nn.BatchNorm1d(3)
    synchronize(ours, world)
    torch.testing.assert_close(ours(rows[world.rank]), plain(rows.flatten(0, 1)).reshape(2, 2, 3)[world.rank])
    torch.testing.assert_close(ours.state_dict(), plain.state_dict())
"""


def test_what_processes_tell_each_other_arrives_as_it_was(tmp_path: Path) -> None:
    script = tmp_path / "messages.py"
    script.write_text(MESSAGES)
    done = subprocess.run(command(str(script)), env=quiet(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


HELD = """
import ctypes, os, signal
from ganreg.engine import pulse
from ganreg.engine.joining import joined

pulse.MISSED, pulse.GONE = 0.5, 2.0
signal.signal(signal.SIGTERM, signal.SIG_IGN)  # which the launcher sends once the other one is gone
with joined("cpu") as world:
    if not world.first:
        ctypes.PyDLL(None).sleep(5)  # and keeps Python to itself meanwhile
    assert world.most(world.rank) == 1
    if not world.first:
        os.kill(os.getpid(), signal.SIGKILL)
    ctypes.CDLL(None).sleep(60)
"""


def test_a_process_that_keeps_python_to_itself_is_not_missed_and_one_that_is_gone_is(tmp_path: Path) -> None:
    script = tmp_path / "held.py"
    script.write_text(HELD)
    done = subprocess.run(command(str(script)), env=quiet(), capture_output=True, text=True, timeout=50, check=False)
    assert re.search(r"error: process 1 of 2 \(pid \d+ on .*\) ended before the run did", done.stderr), done.stderr
    assert "AssertionError" not in done.stderr


def test_what_is_started_again_goes_on_with_its_own_run_alone(
    composition: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The launcher starts again what was refused, too."""
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "first")
    begin(ganreg.load(written(composition, tmp_path, 6)[1]), 3)
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    before = (tmp_path / "run" / "log.jsonl").read_bytes()
    assert main(written(composition, tmp_path, 6, seed=7)) == RunFolderError.exit_code
    assert "holds a run already" in capsys.readouterr().err
    assert (tmp_path / "run" / "log.jsonl").read_bytes() == before
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "second")
    assert main(written(composition, tmp_path, 6)) == RunFolderError.exit_code
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "first")
    capsys.readouterr()
    assert main(written(composition, tmp_path, 6)) == 0
    assert "going on from step 3" in capsys.readouterr().err
    assert main([*written(composition, tmp_path, 4, seed=7), "--overwrite"]) == 0
    assert "going on" not in capsys.readouterr().err


def test_numbers_for_rows_are_those_that_the_whole_has() -> None:
    whole, share = Stream(CPU, 3, "test"), Stream(CPU, 3, "test", share=Share(2, 2, 6))
    assert torch.equal(share.normal(2, 3), whole.normal(6, 3)[2:4])
    assert torch.equal(share.uniform(2, 2, 6), whole.uniform(6, 2, 6)[2:4])
    assert torch.equal(share.integers(9, 2), whole.integers(9, 6)[2:4])
    for size in [(), (7, 2), (4, 2)]:
        assert torch.equal(share.normal(*size), whole.normal(*size)), "of no picture: the same in all processes"


def test_numbers_for_copies_of_rows_are_those_that_copies_of_the_whole_have() -> None:
    whole, share = Stream(CPU, 3, "test"), Stream(CPU, 3, "test", share=Share(2, 2, 6, copies=3))
    every = whole.normal(18, 5)
    assert torch.equal(share.normal(6, 5), torch.cat([every[2:4], every[8:10], every[14:16]]))
    assert torch.equal(share.normal(2), whole.normal(2))


def test_a_batch_that_cannot_be_dealt_out_is_refused() -> None:
    World(0, 3).check(Train(batch_size=12, accumulate=2))
    with pytest.raises(SpecError, match="3 processes cannot share a batch of 16 in 8 parts"):
        World(0, 3).check(Train(batch_size=16, accumulate=8))
    with pytest.raises(SpecError, match="4 processes cannot share a batch of 24 in 4 parts"):
        World(0, 4).check(Train(batch_size=24, accumulate=4))
