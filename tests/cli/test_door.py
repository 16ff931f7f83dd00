"""A folder that another process has is refused before anything is imported, and in the same words as after."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ganreg.cli.door import entered
from ganreg.errors import RunFolderError

Call = Callable[..., Any]
HOLD = "import sys\nfrom ganreg.claims import claim\nclaim('taken')\nprint(flush=True)\nsys.stdin.read()"
SPECS = {
    "block.yaml": "seed: 0\noutput:\n  samples_every: 3\n  folder: taken\n  keep: 2\ndata: x\n",
    "flow.yaml": "output: {samples_every: 3, folder: taken, keep: 2}\n",
    "free.yaml": "data: x\nextra:\n  folder: taken\noutput:\n  keep: 2\nmore: {folder: taken}\n",
    "words.yaml": "output:\n  folder: 'taken'\n",
}
IMPORTED = """
import sys
from ganreg.cli import main
code = main(sys.argv[1:])
assert not {"click", "pydantic", "ruamel", "filelock", "torch"} & set(sys.modules), sorted(sys.modules)
sys.exit(code)
"""


@pytest.fixture
def _taken() -> Iterator[None]:
    """Another process has the folder `taken`."""
    holder = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    for name, text in SPECS.items():
        Path(name).write_text(text)
    yield
    holder.communicate()


PLAIN = [
    ("block.yaml",),
    ("flow.yaml", "--loss", "hinge"),
    ("free.yaml", "--out", "taken"),
    ("--loss", "hinge", "--out", "elsewhere", "--out", "./taken"),
    ("free.yaml", "--out", "elsewhere", "--set", "output.folder=taken"),
]


@pytest.mark.usefixtures("_taken")
@pytest.mark.parametrize("arguments", PLAIN, ids=" ".join)
def test_what_is_plain_to_see_is_refused_without_imports(arguments: tuple[str, ...], ganreg: Call) -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTED, "run", *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        RunFolderError.exit_code,
        "error: taken is being written by another process\n",
    )
    said = ganreg("run", *arguments)
    assert (said.code, said.err) == (done.returncode, done.stderr)


@pytest.mark.usefixtures("_taken")
def test_what_takes_more_reading_is_refused_by_the_command_in_the_same_words(ganreg: Call) -> None:
    said = ganreg("--debug", "run", "block.yaml")
    assert said.err.endswith("error: taken is being written by another process\n")
    for arguments in (("words.yaml",), ("free.yaml", "--set", "output={folder: taken}")):
        said = ganreg("run", *arguments)
        assert (said.code, said.err) == (
            RunFolderError.exit_code,
            "error: taken is being written by another process\n",
        )


@pytest.mark.usefixtures("_taken")
@pytest.mark.parametrize(
    "arguments",
    [
        ("free.yaml",),
        ("flow.yaml", "--out", "elsewhere"),
        ("flow.yaml", "--set", "output.folder=elsewhere"),
        ("block.yaml", "--help"),
        ("nothing.yaml",),
        (".",),
    ],
    ids=" ".join,
)
def test_others_are_let_in(arguments: tuple[str, ...]) -> None:
    with entered(("run", *arguments)) as taken:
        assert taken is None
    with entered(("check", *arguments)) as taken:
        assert taken is None
    assert not Path("elsewhere").exists()


@pytest.mark.parametrize(
    "text",
    [
        "output:\n" + f"{' ' * 40}x: 1\n" * 60,
        "output:\n" * 5000,
        "output: {" + "x: 1, " * 5000,
        "output: {" + " " * 60_000,
        "output:\n" + " " * 60_000 + "folder:" + " " * 5000 + ",",
        "output:\n" + "\n".join([" " * 200] * 300),
    ],
    ids=["deep", "many", "wide", "blank", "long", "empty"],
)
def test_a_spec_that_is_hard_to_search_takes_no_time(text: str) -> None:
    Path("spec.yaml").write_text(text)
    began = time.process_time()
    with entered(("run", "spec.yaml")) as taken:
        assert taken is None
    assert time.process_time() - began < 1


@pytest.mark.usefixtures("_taken")
def test_of_several_processes_the_first_one_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    with entered(("run", "block.yaml")) as taken:
        assert taken is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_pipe_is_left_to_the_command() -> None:
    os.mkfifo("pipe")  # opening it would wait for a writer
    with entered(("run", "pipe")) as taken:
        assert taken is None


def test_help_of_a_run_leaves_no_folder_behind(ganreg: Call) -> None:
    Path("flow.yaml").write_text(SPECS["flow.yaml"])
    assert ganreg("run", "flow.yaml", "--nonsense").code == 2
    assert ganreg("run", "flow.yaml").code == 3
    assert [path.name for path in Path().iterdir()] == ["flow.yaml"]
