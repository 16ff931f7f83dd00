"""`sweep`: cells that work, cells that fail in every way, going on, and stopping."""

import importlib.util
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ganreg.claims import claim
from ganreg.cli import main
from ganreg.engine.folder import records
from tests.cli.conftest import children

Call = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[str]"]
Options = tuple[str, ...]
WRONG = "optimizers.discriminator={name: tiny-adam, lr: 1e-3},{name: tiny-adam, lr: 1e38}"
SEEDED = ("--seed", "5", "--set", "output.checkpoint_every=1")


def statuses(result: Any) -> dict[str, str]:
    return {cell["name"]: cell["status"] for cell in json.loads(result.out)["cells"]}


def test_failing_cells_are_told_and_cost_the_others_nothing(ganreg: Call, tiny: Options) -> None:
    sweep = ("sweep", *tiny, "--axis", "loss=tiny-hinge,tiny-hinje", "--axis", WRONG, "--out", "here", "--jobs", "2")
    result = ganreg(*sweep, "--json")
    assert result.code == 1
    found = json.loads(result.out)
    assert (found["complete"], found["failed"], found["page"]) == (1, 3, "here/compare.html")
    good, diverging, *invalid = found["cells"]
    assert (good["name"], good["status"], good["exit_code"]) == (
        "loss=tiny-hinge,optimizers.discriminator=tiny-adam-lr-1e-3", "complete", 0,
    )  # fmt: skip
    assert (Path(good["folder"]) / "report.html").is_file()
    assert (diverging["status"], diverging["exit_code"]) == ("failed", 7)
    assert "is not finite" in diverging["error"]
    assert "training into" not in diverging["error"], "what it said before is no error"
    assert shlex.split(diverging["command"]) == ["ganreg", "resume", diverging["folder"]]
    assert [cell["exit_code"] for cell in invalid] == [3, 3]
    assert "--axis:1:6: no loss is called 'tiny-hinje'" in invalid[0]["error"]
    assert "did you mean 'tiny-hinge'?" in invalid[0]["error"]
    assert "--set loss=tiny-hinje" in invalid[0]["command"]
    assert not Path(invalid[0]["folder"]).exists()
    assert f"failed: {diverging['name']}, exit code 7:" in result.err
    assert result.err.startswith("4 cells in here: 2 to train, 2 with a mistake\n")
    assert json.loads(Path("here/sweep.json").read_text())["cells"] == found["cells"]


@pytest.fixture(scope="module")
def trained(options: Callable[[int], Options], elsewhere: Path) -> Path:
    """A folder with a sweep over two sizes of the latent, `here`."""
    assert main(["sweep", *options(3), *SEEDED, "--axis", "latent=6,8", "--out", "here"]) == 0
    return elsewhere


@pytest.fixture
def here(trained: Path, tmp_path: Path) -> Path:
    """A copy of it in the current folder."""
    return shutil.copytree(trained / "here", tmp_path / "here")


def test_a_cell_is_the_run_that_its_command_runs_alone(ganreg: Call, tiny: Options, here: Path) -> None:
    assert ganreg("run", *tiny, *SEEDED, "--set", "latent=6", "--out", "alone").code == 0
    assert (here / "latent=6/log.jsonl").read_bytes() == Path("alone/log.jsonl").read_bytes()


def test_all_cells_are_those_that_were_checked(start: Start, tiny: Options) -> None:
    """Whatever becomes of the user's file while the sweep runs."""
    assert main(["run", *tiny, *SEEDED, "--out", "first"]) == 0
    spec = Path("mine.yaml")
    spec.write_bytes(Path("first/spec.yaml").read_bytes())
    with start("sweep", str(spec), "--axis", "latent=6,8", "--out", "here", "--jobs", "1") as sweep:
        wait_for(lambda: Path("here/logs/latent=6.txt").exists())
        spec.write_text("nothing: of the kind")
        assert sweep.wait(timeout=120) == 0
    assert [len(records(Path(f"here/latent={size}/log.jsonl"))) > 0 for size in (6, 8)] == [True, True]


def test_a_cell_writes_where_the_sweep_says(ganreg: Call, tiny: Options) -> None:
    result = ganreg("sweep", *tiny, "--axis", "output={folder: a},{samples: 2}", "--out", "here", "--json")
    wrong, right = json.loads(result.out)["cells"]
    assert (wrong["status"], wrong["exit_code"], right["status"]) == ("failed", 3, "complete")
    assert "each cell has a folder of its own already" in wrong["error"]
    assert not Path("a").exists()


def test_the_same_sweep_goes_on_where_it_was(ganreg: Call, tiny: Options, here: Path) -> None:
    sweep = ("sweep", *tiny, *SEEDED, "--out", "here", "--json")
    whole = {size: Path(f"here/latent={size}/log.jsonl").read_bytes() for size in (6, 8)}
    times = {path: path.stat().st_mtime_ns for path in Path("here/latent=6").rglob("*")}
    shutil.rmtree("here/latent=8/checkpoints/00000003")
    result = ganreg(*sweep, "--axis", "latent=6,8,10")
    assert result.code == 0
    assert statuses(result) == dict.fromkeys(("latent=6", "latent=8", "latent=10"), "complete")
    assert "3 cells in here: 2 to train, 1 complete\n" in result.err
    assert "going on from step 2" in Path("here/logs/latent=8.txt").read_text()
    assert {path: path.stat().st_mtime_ns for path in Path("here/latent=6").rglob("*")} == times
    assert whole == {size: Path(f"here/latent={size}/log.jsonl").read_bytes() for size in (6, 8)}
    fewer = ganreg(*sweep, "--axis", "latent=8")
    assert list(statuses(fewer)) == ["latent=8"]
    assert "2 cells of an earlier sweep" in fewer.err


def test_a_complete_cell_is_found_again_whatever_values_come_and_go(ganreg: Call, tiny: Options) -> None:
    """Though its folder's name does not show in what it differs from another."""
    one = "{name: tiny-adam, lr: 1e-3}"
    twin = one.replace(", ", ",  ")
    sweep = ("sweep", *tiny, *SEEDED, "--out", "here", "--json", "--axis")
    path = "optimizers.generator"
    assert statuses(ganreg(*sweep, f"{path}=[{one}]")) == {f"{path}=tiny-adam-lr-1e-3": "complete"}
    both = ganreg(*sweep, f"{path}=[{one}, {twin}]")
    assert "2 cells in here: 1 to train, 1 complete\n" in both.err
    alone = ganreg(*sweep, f"{path}=[{twin}]")
    assert (alone.code, "to train" in alone.err) == (0, False)
    assert [cell["settings"][path] for cell in json.loads(alone.out)["others"]] == [one]
    again = ganreg(*sweep, f"{path}=[{twin}, {one}]")
    assert (again.code, again.err) == (0, "")
    assert set(statuses(again)) == set(statuses(both))


@pytest.mark.parametrize("file", ["spec.yaml", "report.html", "checkpoints/00000003/manifest.json"])
def test_a_cell_that_misses_a_file_is_not_complete(
    ganreg: Call, tiny: Options, here: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # with no Ray to train on, this ends where it would train
    sweep = ("sweep", *tiny, *SEEDED, "--axis", "latent=6,8", "--out", "here", "--ray")
    assert ganreg(*sweep).code == 0
    (here / "latent=6" / file).unlink()
    assert ganreg(*sweep).code == 2
    states = {cell["name"]: cell["status"] for cell in json.loads((here / "sweep.json").read_text())["cells"]}
    assert states == {"latent=6": "pending", "latent=8": "complete"}


def test_a_cell_whose_spec_cannot_be_read_is_told(ganreg: Call, tiny: Options, here: Path) -> None:
    (here / "latent=6/spec.yaml").write_bytes(b"\xff{[")
    result = ganreg("sweep", *tiny, *SEEDED, "--axis", "latent=6,8", "--out", "here", "--json")
    assert (result.code, statuses(result)) == (1, {"latent=6": "failed", "latent=8": "complete"})
    assert "here/latent=6/spec.yaml" in json.loads(result.out)["cells"][0]["error"]


def test_a_cell_that_has_lost_its_log_is_told(ganreg: Call, tiny: Options, here: Path) -> None:
    sweep = ("sweep", *tiny, *SEEDED, "--axis", "latent=6,8", "--out", "here", "--json")
    (here / "latent=6/log.jsonl").unlink()
    for _ in range(2):
        result = ganreg(*sweep)
        assert (result.code, statuses(result)) == (1, {"latent=6": "failed", "latent=8": "complete"})
        assert "the log.jsonl of here/latent=6 is gone: remove the folder" in result.err


def test_another_sweep_in_the_same_folder_is_refused(ganreg: Call, tiny: Options, here: Path) -> None:
    composed = (here / "composed.yaml").read_bytes()
    longer = ganreg("sweep", *tiny, *SEEDED, "--set", "train.steps=9", "--axis", "latent=6", "--out", "here")
    assert longer.code == 8
    assert "here/latent=6 holds a run of another spec: train.steps has changed" in longer.err
    assert (here / "composed.yaml").read_bytes() == composed, "which the commands of the first one's cells name"
    other = ganreg("sweep", *tiny, *SEEDED, "--axis", "seed=0", "--out", "here")
    assert other.code == 8
    assert "holds a sweep over latent, and this one is over seed" in other.err
    inside = ganreg("sweep", *tiny, *SEEDED, "--axis", "latent=6", "--out", "here/latent=6")
    assert inside.code == 8
    assert "holds a run" in inside.err


def test_a_sweep_of_which_no_cell_can_run_writes_nothing(ganreg: Call, tiny: Options) -> None:
    result = ganreg("sweep", *tiny, "--axis", "trian.steps=1,2", "--out", "here")
    assert (result.code, result.out) == (3, "")
    assert "--axis:1:1: unknown key 'trian'" in result.err
    assert "did you mean 'train'?" in result.err
    assert not Path("here").exists()
    assert ganreg("sweep", *tiny, "--axis", "seed", "--out", "here").code == 3
    assert ganreg("sweep", *tiny, "--out", "here").code == 2


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def test_a_signal_stops_the_cells_which_save_and_a_killed_cell_is_told(
    start: Start, ganreg: Call, tiny: Options
) -> None:
    long = ("train.steps=1000000", "output.log_every=1", "output.samples_every=1000000", "output.samples=1")
    words = [word for setting in long for word in ("--set", setting)]
    hung_up = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup begins it
    process = start("sweep", *tiny, *words, "--axis", "seed=0..2", "--out", "here", "--jobs", "2", "--json")
    signal.signal(signal.SIGHUP, hung_up)
    logs = [Path(f"here/seed={seed}/log.jsonl") for seed in (0, 1)]
    wait_for(lambda: all(len(records(log)) > 2 for log in logs))
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped, and saved: the same command goes on" in err
    assert "Traceback" not in err
    assert [cell["status"] for cell in json.loads(out)["cells"]] == ["stopped", "stopped", "pending"]
    for log in logs:
        assert (log.parent / "checkpoints" / f"{records(log)[-1]['step']:08d}").is_dir()
    again = start("sweep", *tiny, *words, "--axis", "seed=0..2", "--out", "here", "--jobs", "1", "--json")
    wait_for(lambda: len(records(logs[0])) > 0 and bool(children(again.pid)) and "training into" in log_of("seed=0"))
    for child in children(again.pid):
        os.kill(child, signal.SIGKILL)
    wait_for(lambda: "seed=0: failed" in (again.stderr.readline() if again.stderr else ""))
    again.send_signal(signal.SIGTERM)
    out, err = again.communicate(timeout=60)
    assert again.returncode == 143
    first = json.loads(out)["cells"][0]
    assert (first["status"], first["exit_code"]) == ("failed", -9)
    assert first["error"].startswith("ended by SIGKILL")


def test_cells_end_with_a_sweep_that_is_killed(start: Start, tiny: Options) -> None:
    long = ("train.steps=1000000", "output.log_every=1", "output.samples_every=1000000", "output.samples=1")
    words = [word for setting in long for word in ("--set", setting)]
    process = start("sweep", *tiny, *words, "--axis", "seed=0,1", "--out", "here", "--jobs", "2")
    folders = [Path(f"here/seed={seed}") for seed in (0, 1)]
    wait_for(lambda: all(len(records(folder / "log.jsonl")) > 2 for folder in folders))
    cells = children(process.pid)
    assert len(cells) == 2
    process.kill()
    process.wait(timeout=60)
    wait_for(lambda: all((Path(f"here/logs/{folder.name}.txt")).read_text().count("saved") for folder in folders))
    wait_for(lambda: not any(alive(cell) for cell in cells))
    for folder in folders:
        assert (folder / "checkpoints" / f"{records(folder / 'log.jsonl')[-1]['step']:08d}").is_dir()


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended may wait for whoever inherited it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_cell_that_another_process_writes_has_not_failed(ganreg: Call, tiny: Options) -> None:
    sweep = ("sweep", *tiny, *SEEDED, "--axis", "latent=6,8", "--out", "here", "--json")
    let_go = claim("here/latent=6")
    assert let_go is not None
    try:
        result = ganreg(*sweep)
    finally:
        let_go()
    assert result.code == 1
    first, second = json.loads(result.out)["cells"]
    assert (first["status"], first["exit_code"], second["status"]) == ("pending", None, "complete")
    assert first["error"] == "here/latent=6 is being written by another process"
    assert f"note: {first['error']}; once that has ended, the same command goes on with it" in result.err
    assert "failed" not in result.err
    again = ganreg(*sweep)
    assert again.code == 0
    assert json.loads(again.out)["cells"][0]["error"] == ""


def log_of(cell: str) -> str:
    return Path(f"here/logs/{cell}.txt").read_text()


def test_ray_that_is_missing_is_named(ganreg: Call, tiny: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    result = ganreg("sweep", *tiny, "--axis", "seed=0", "--out", "here", "--ray")
    assert result.code == 2
    assert "pip install 'ganreg[ray]'" in result.err


@pytest.mark.parametrize("written", ["{}", "ray://{}"])
def test_an_address_that_nobody_answers_at_is_told_at_once(
    ganreg: Call, tiny: Options, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=lambda **_: pytest.fail("it would wait for minutes")))
    with socket.socket() as nobody:  # has the port, and listens to none
        nobody.bind(("127.0.0.1", 0))
        address = written.format(f"127.0.0.1:{nobody.getsockname()[1]}")
        result = ganreg("sweep", *tiny, "--axis", "seed=0", "--out", "here", "--ray", address)
    assert result.code == 2
    assert f"connecting to Ray at {address}\nerror: there is no Ray at {address}: " in result.err


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs ray: pip install 'ganreg[ray]'")
def test_cells_on_a_ray_of_this_machine(start: Start, tiny: Options) -> None:
    process = start("sweep", *tiny, "--axis", "loss=tiny-hinge", "--axis", WRONG, "--out", "here", "--json", "--ray")
    out, err = process.communicate(timeout=200)
    assert process.returncode == 1, err
    found = json.loads(out)
    assert [cell["status"] for cell in found["cells"]] == ["complete", "failed"]
    assert found["cells"][1]["exit_code"] == 7
    assert "is not finite" in found["cells"][1]["error"]
