"""The command line as its users meet it: in this process with what it prints, or as a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from ganreg.cli import main


@dataclass(frozen=True)
class Result:
    """What a command did."""

    code: int
    out: str
    err: str


Call = Callable[..., Result]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(autouse=True)
def _surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, and the proofs alone, whatever else is installed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANREG_PLUGINS", "proofs")
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("GANREG_DEBUG", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty folder for what a module's tests share, entered, and the proofs alone."""
    folder = tmp_path_factory.mktemp("shared")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("GANREG_PLUGINS", "proofs")
        yield folder


@pytest.fixture
def ganreg(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a command line in this process."""

    def call(*arguments: str) -> Result:
        capsys.readouterr()
        code = main(arguments)
        return Result(code, *capsys.readouterr())

    return call


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a command line as a process; it is gone after the test."""
    started: list[subprocess.Popen[str]] = []

    def call(*arguments: str) -> "subprocess.Popen[str]":
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        process = subprocess.Popen(
            [sys.executable, "-m", "ganreg", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell lets what it runs in the background ignore Ctrl-C, and its children inherit that.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),
        )
        started.append(process)
        return process

    yield call
    for process in started:
        begun = children(process.pid)  # in sessions of their own, which outlive it
        process.kill()
        process.communicate()
        for pid in begun:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(word) for path in Path(f"/proc/{pid}/task").glob("*/children") for word in path.read_text().split()]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Install a plugin of one module: its namespace, and its code."""
    monkeypatch.syspath_prepend(tmp_path / "site")

    def put(namespace: str, code: str) -> None:
        info = tmp_path / "site" / f"ganreg_{namespace}-0.1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: ganreg-{namespace}\nVersion: 0.1\n")
        (info / "entry_points.txt").write_text(f"[ganreg.plugins]\n{namespace} = ganreg_test_{namespace}\n")
        (tmp_path / "site" / f"ganreg_test_{namespace}.py").write_text(code)
        monkeypatch.setenv("GANREG_PLUGINS", f"{os.environ['GANREG_PLUGINS']},{namespace}")

    yield put
    for name in [name for name in sys.modules if name.startswith("ganreg_test_")]:
        del sys.modules[name]


@pytest.fixture
def tiny(options: Callable[[int], tuple[str, ...]]) -> tuple[str, ...]:
    """Options of a run that takes a moment."""
    return options(3)
