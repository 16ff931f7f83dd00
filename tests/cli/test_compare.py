"""`compare`, in this process."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganreg.cli import main

Call = Callable[..., Any]
Options = tuple[str, ...]


FOLDERS = [f"all/w{width}-{seed}" for width in (4, 8) for seed in (0, 1)]


@pytest.fixture(scope="module")
def trained(options: Callable[[int], Options], elsewhere: Path) -> Path:
    """Two seeds each of two widths."""
    for name in FOLDERS:
        width, seed = name.removeprefix("all/w").split("-")
        chosen = ("--set", f"discriminator.width={width}", "--seed", seed, "--out", name)
        assert main(["run", *options(3), *chosen]) == 0
    return elsewhere


@pytest.fixture
def runs(trained: Path, tmp_path: Path) -> list[str]:
    """A copy of them in the current folder, and their names."""
    shutil.copytree(trained / "all", tmp_path / "all")
    return FOLDERS


def test_compare_prints_groups_and_writes_the_page(ganreg: Call, runs: list[str]) -> None:
    result = ganreg("compare", *runs)
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert [line.split()[:6] for line in lines[2:4]] == [
        [f"discriminator.width={width}", "2", "of", "2", "0,", "1"] for width in (4, 8)
    ]
    assert lines[-1] == "page: compare.html"
    assert "discriminator.width=8" in Path("compare.html").read_text()
    assert ganreg("compare", "all", "--html", "other.html").out == result.out.replace("compare.html", "other.html")


def test_compare_as_json(ganreg: Call, runs: list[str]) -> None:
    Path("all/w4-0/evaluations.jsonl").write_text('{"step": 3, "metrics": {"fid": 2}}\n')
    Path("all/w8-0/evaluations.jsonl").write_text('{"step": 3, "metrics": {"fid": 5}}\n')
    found = json.loads(ganreg("compare", *runs, "nothing.txt", "--json").out or "{}")
    assert found == {}, "what does not exist is a mistake"
    found = json.loads(ganreg("compare", "all", "--baseline", "all/w8-1", "--json").out)
    assert found["baseline"] == "discriminator.width=8"
    assert [group["pooled"] for group in found["groups"]] == [[0, 1], [0, 1]]
    (figure,) = found["figures"]
    assert [group["difference"] and group["difference"]["mean"] for group in figure["groups"]] == [-3.0, None]
    first = figure["groups"][0]
    assert (first["group"], first["steps"], first["values"]) == ("discriminator.width=4", [3], {"0": 2.0})
    assert (first["n"], first["mean"], first["sd"], first["best"]) == (1, 2.0, None, None)


def test_compare_as_json_has_no_word_that_json_lacks(ganreg: Call, runs: list[str]) -> None:
    for name in runs[:2]:
        spec = Path(name, "spec.yaml")
        spec.write_text(spec.read_text().replace("clip: null", "clip: .inf"))
    found = json.loads(ganreg("compare", "all", "--json").out, parse_constant=pytest.fail)
    assert [group["settings"]["train.clip"] for group in found["groups"]] == [None, None]


def test_a_run_without_its_spec_is_passed_over_and_said(ganreg: Call, runs: list[str]) -> None:
    for name in runs[1:3]:
        Path(name, "spec.yaml").unlink()
    Path(runs[2], "lock.json").unlink()
    Path("all/other").mkdir()
    said = [line for line in ganreg("compare", "all").out.splitlines() if line.startswith("passed over: ")]
    assert [line.split(": ")[1] for line in said] == [str(Path(name)) for name in runs[1:3]]


def test_the_page_goes_into_a_new_folder(ganreg: Call, runs: list[str]) -> None:
    assert ganreg("compare", *runs, "--html", "a/new/page.html").out.endswith("page: a/new/page.html\n")
    assert Path("a/new/page.html").is_file()


def test_a_page_that_cannot_be_written_costs_nothing_else(ganreg: Call, runs: list[str]) -> None:
    whole = ganreg("compare", *runs)
    Path("file").touch()
    result = ganreg("compare", *runs, "--html", "file/page.html")
    assert result.code == 2
    assert result.out == whole.out.replace("page: compare.html\n", "")
    assert result.err.startswith("error: cannot write file/page.html: ")
    result = ganreg("compare", *runs, "--html", "file/page.html", "--json")
    assert (result.code, json.loads(result.out)["page"]) == (2, None)


def test_compare_of_what_is_no_run(ganreg: Call, runs: list[str]) -> None:
    Path("file").write_text("")
    result = ganreg("compare", runs[0], "file")
    assert result.code == 0
    assert "passed over: file:" in result.out
    assert ganreg("compare", "file").code == 2
    assert ganreg("compare", "nowhere").err == "error: 'nowhere' does not exist\n"
    Path("nothing/deep").mkdir(parents=True)
    refused = ganreg("compare", "nothing")
    assert (refused.code, refused.err) == (2, "error: neither 'nothing' nor a folder in it holds a run\n")
    assert "passed over: nothing:" in ganreg("compare", runs[0], "nothing").out
    assert ganreg("compare").code == 2
    assert ganreg("compare", runs[0], "--html", "all").code == 2
