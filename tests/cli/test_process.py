"""What only a process of its own shows: what is imported, how fast it starts, and signals."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganreg.engine.folder import records

Start = Callable[..., "subprocess.Popen[str]"]
Call = Callable[..., Any]

SLOW = """
import time
from ganreg import Dataset, Schedule, hookimpl
from ganreg.task import DatasetInfo

class Slow(Schedule, name="slow"):
    def step(self, game):
        game.update("discriminator")
        game.update("generator")
        if game.device.type != "meta":
            print("in the step", flush=True)
            time.sleep(60)

class Endless(Dataset, name="endless"):
    def info(self):
        return DatasetInfo(image=(1, 28, 28), count=1)
    def build(self, task):
        print("loading", flush=True)
        time.sleep(60)

@hookimpl
def ganreg_components():
    return [Slow, Endless]
"""

LAZY = """
import sys
from ganreg.cli import main

FOREIGN = {"torch", "rich", "numpy", "PIL", "matplotlib", "safetensors", "jinja2", "filelock"}

def loaded(*arguments):
    assert main(arguments) == (3 if "check" in arguments else 0), arguments
    heavy = FOREIGN & set(sys.modules)
    assert not heavy, (arguments, heavy)
    return set(sys.modules)

names = loaded("--help")
assert not {"pydantic", "pluggy", "ganreg.components"} & names
assert not [name for name in names if name.startswith("ganreg.cli.commands.")]
names = loaded("list")
assert not {"ruamel", "ganreg.api", "ganreg.spec"} & names
assert [name for name in names if name.startswith("ganreg.cli.commands.")] == ["ganreg.cli.commands.list"]
loaded("show", "tiny-generator")
loaded("schema")
loaded("doctor")
loaded("check", *sys.argv[1:], "--generator", "tiny-genrator")
"""


def test_nothing_is_imported_before_it_is_needed(tiny: tuple[str, ...]) -> None:
    found = subprocess.run([sys.executable, "-c", LAZY, *tiny], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


def cpu(*command: str) -> float:
    """Seconds of processor time that a process takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_list_starts_within_three_times_of_its_libraries() -> None:
    least, base = float("inf"), float("inf")
    for _ in range(20):
        base = min(base, cpu("-c", "import click, pydantic"))
        least = min(least, cpu("-m", "ganreg", "list"))
        if least <= 3 * base:
            return
    pytest.fail(f"list takes {least:.3f} s, its libraries {base:.3f} s")


def test_a_closed_pipe_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "ganreg", "schema"]
    found = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert found.stderr == b""


def test_letters_that_the_terminal_lacks_are_escaped() -> None:
    command = [sys.executable, "-m", "ganreg", "show", "tiny-r1"]
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    found = subprocess.run(command, env=environment, capture_output=True, encoding="latin-1", check=False)
    assert (found.returncode, found.stderr) == (0, "")
    assert "½E[\\u2016\\u2207D(x)" in found.stdout


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_tells_how_to_go_on(
    number: signal.Signals, start: Start, ganreg: Call, tiny: tuple[str, ...]
) -> None:
    long = (
        "train.steps=1000000",
        "output.log_every=1",
        "output.samples_every=1000000",
        "output.checkpoint_every=1000000",
    )
    process = start("run", *tiny, *(word for setting in long for word in ("--set", setting)), "--out", "a run")
    wait_for(lambda: len(records(Path("a run/log.jsonl"))) > 2)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (128 + number, "")
    step = records(Path("a run/log.jsonl"))[-1]["step"]
    assert f"stopped by a signal after step {step}, and saved: `ganreg resume 'a run'` goes on\n" in err
    assert "Traceback" not in err
    assert [path.name for path in Path("a run/checkpoints").iterdir()] == [f"{step:08d}"]
    assert Path("a run/report.html").is_file()


def test_a_second_signal_ends_the_process_in_the_middle_of_a_step(
    start: Start, tiny: tuple[str, ...], install: Callable[[str, str], None]
) -> None:
    install("slow", SLOW)
    process = start("run", *tiny, "--schedule", "slow", "--out", "here")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "in the step\n"
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline() == "training into here\n"
    assert process.stderr.readline() == "\n"
    assert process.stderr.readline() == "stopping after this step, and saving; once more stops at once\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 143
    assert process.stderr.read() == ""
    assert not list(Path("here/checkpoints").iterdir())


def test_a_signal_before_the_first_step_ends_the_process(
    start: Start, tiny: tuple[str, ...], install: Callable[[str, str], None]
) -> None:
    install("slow", SLOW)
    process = start("run", *tiny, "--data", "endless", "--out", "here")
    assert process.stdout is not None
    assert process.stdout.readline() == "loading\n"
    os.kill(process.pid, signal.SIGINT)
    assert process.communicate(timeout=300)[1] == "\ninterrupted\n"
    assert process.returncode == 130


@pytest.mark.skipif(os.name != "posix", reason="no shell of POSIX")
@pytest.mark.parametrize(("count", "code"), [("2", 0), ("1", -signal.SIGTERM)])
def test_what_a_launcher_says_once_more_ends_none_of_several_that_end_by_themselves(count: str, code: int) -> None:
    stops = """
import os, signal, time
from ganreg.cli.signals import Signals
from ganreg.engine.loop import Stop
stop = Stop()
with Signals(stop) as signals:
    signals.started(None, None)
    os.kill(os.getpid(), signal.SIGTERM)
    while stop.signal_number is None:
        time.sleep(0.01)
os.kill(os.getpid(), signal.SIGTERM)
"""
    found = subprocess.run([sys.executable, "-c", stops], check=False, env=os.environ | {"WORLD_SIZE": count})
    assert found.returncode == code


@pytest.mark.parametrize(
    ("words", "closed", "code"),
    [("list", ">&-", 0), ("list", ">&- 2>&-", 0), ("list loss", "2>&-", 0), ("check nowhere.yaml", "2>&-", 3)],
)
def test_a_stream_that_is_closed_takes_nothing_and_costs_nothing(words: str, closed: str, code: int) -> None:
    command = f'exec "{sys.executable}" -m ganreg {words} {closed}'
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (code, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no file that is always full")
def test_an_output_that_is_full_is_told_in_a_sentence() -> None:
    command = f'exec "{sys.executable}" -m ganreg list > /dev/full'
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, b"error: cannot read or write: No space left on device\n")
