"""`compare`, in this process."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
Options = tuple[str, ...]


@pytest.fixture
def runs(ganreg: Call, tiny: Options) -> list[str]:
    """Two seeds each of two widths."""
    folders = []
    for width in ("4", "8"):
        for seed in ("0", "1"):
            folders.append(f"all/w{width}-{seed}")
            options = ("--set", f"discriminator.width={width}", "--seed", seed, "--out", folders[-1])
            assert ganreg("run", *tiny, *options).code == 0
    return folders


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


def test_compare_of_what_is_no_run(ganreg: Call, runs: list[str]) -> None:
    Path("file").write_text("")
    result = ganreg("compare", runs[0], "file")
    assert result.code == 0
    assert "passed over: file:" in result.out
    assert ganreg("compare", "file").code == 2
    assert ganreg("compare", "nowhere").err == "error: 'nowhere' does not exist\n"
    assert ganreg("compare").code == 2
    assert ganreg("compare", runs[0], "--html", "all").code == 2
