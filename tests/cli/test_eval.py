"""`eval`, and the checkpoints that `sample` and `export` take, in this process."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
Options = tuple[str, ...]

METER = """
from ganreg import Metric, hookimpl

class Meter(Metric, name="meter"):
    count: int = 4

    def __call__(self, evaluation):
        return {"meter/mean": sum(b.images.mean().item() for b in evaluation.generated(self.count)),
                "meter/distance": abs(evaluation.step - 2), "meter/nothing": float("nan")}

    def protocol(self, evaluation):
        return {"count": self.count, "resize": "antialias"}

class Broken(Metric, name="broken"):
    def __call__(self, evaluation):
        raise ValueError("no figures today")

class Hungry(Metric, name="hungry"):
    def __call__(self, evaluation):
        raise MemoryError("no room for figures")

@hookimpl
def ganreg_components():
    return [Meter, Broken, Hungry]
"""


@pytest.fixture
def trained(ganreg: Call, tiny: Options, install: Callable[[str, str], None]) -> Path:
    """A run of three steps whose second is the best."""
    install("meters", METER)
    settings = ("--set", "metrics=[{name: meter, every: 1}]", "--set", "output.best=meter/distance")
    assert ganreg("run", *tiny, *settings, "--out", "here").code == 0
    return Path("here")


def test_eval_prints_the_specs_own_figures_and_how_they_were_measured(ganreg: Call, trained: Path) -> None:
    result = ganreg("eval", "here", "--checkpoint", "best")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == "meters/meter at step 2"
    assert lines[2] == "  meter/distance  0"
    assert lines[4] == "  measured with count 4, resize antialias"
    (record,) = map(json.loads, (trained / "evaluations.jsonl").read_text().splitlines())
    logged = [json.loads(line) for line in (trained / "log.jsonl").read_text().splitlines()]
    (during,) = [line["metrics"] for line in logged if line["step"] == 2 and "metrics" in line]
    assert record["metrics"] == during


def test_the_report_shows_what_was_measured_later(ganreg: Call, trained: Path) -> None:
    before = (trained / "report.html").read_text()
    for _ in range(2):
        assert ganreg("eval", "here", "--metric", "{name: meter, count: 2}").code == 0
    after = (trained / "report.html").read_text()
    assert (before.count("<dt>count</dt><dd>2</dd>"), after.count("<dt>count</dt><dd>2</dd>")) == (0, 3)


def test_eval_as_json_is_strict(ganreg: Call, trained: Path) -> None:
    result = ganreg("eval", "here", "--metric", "{name: meter, count: 2}", "--metric", "meter", "--json")
    first, second = json.loads(result.out, parse_constant=pytest.fail)
    assert (first["step"], first["metric"]["count"], second["metric"]["count"]) == (3, 2, 4)
    assert first["figures"]["meter/nothing"] is None
    assert first["protocol"] == {"count": 2, "resize": "antialias"}


def test_eval_of_what_cannot_be_measured_is_refused(ganreg: Call, trained: Path) -> None:
    mistyped = ganreg("eval", "here", "--metric", "metre")
    assert mistyped.code == 3
    assert mistyped.err.startswith("--metric:1:1: no metric is called 'metre'")
    assert "did you mean 'meter'?" in mistyped.err
    parameter = ganreg("eval", "here", "--metric", "{name: meter, cuont: 2}")
    assert (parameter.code, parameter.out) == (3, "")
    assert parameter.err.startswith("--metric:1:15: unknown key 'cuont'")
    assert ganreg("eval", "here", "--checkpoint", "1").code == 6
    assert ganreg("eval", "here", "--checkpoint", "first").code == 2
    assert ganreg("eval", "nowhere").code == 2
    assert not (trained / "evaluations.jsonl").exists()


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_a_metric_that_fails_takes_nothing_from_those_before_it(ganreg: Call, trained: Path, as_json: Options) -> None:
    names = ("--metric", "meter", "--metric", "broken", "--metric", "{name: meter, count: 2}")
    result = ganreg("eval", "here", *names, *as_json)
    assert result.code == 4
    assert result.err.startswith("error: the metric 'broken' failed: ValueError: no figures today")
    if as_json:
        assert [one["figures"]["meter/distance"] for one in json.loads(result.out)] == [1]
    else:
        assert "meter/distance  1" in result.out
    (record,) = map(json.loads, (trained / "evaluations.jsonl").read_text().splitlines())
    assert (record["step"], record["metrics"]["meter/distance"]) == (3, 1)
    alone = ganreg("eval", "here", "--metric", "broken", *as_json)
    assert (alone.code, alone.out) == (4, "")


def test_a_run_that_cannot_be_written_to_is_measured_all_the_same(ganreg: Call, trained: Path) -> None:
    (trained / "evaluations.jsonl").mkdir()
    result = ganreg("eval", "here")
    assert result.code == 0
    assert "meter/distance  1" in result.out
    assert "not written down in the folder" in result.err


def test_what_finds_no_memory_is_told_what_takes_less(ganreg: Call, trained: Path) -> None:
    result = ganreg("eval", "here", "--metric", "hungry")
    assert result.code == 1
    assert result.err.startswith("error: out of memory: no room for figures\n  help: try a smaller train.batch_size")


@pytest.mark.parametrize("words", [("sample",), ("export", "--out", "here.safetensors"), ("eval",)])
def test_a_damaged_checkpoint_is_passed_over_with_a_word(
    ganreg: Call, trained: Path, caplog: pytest.LogCaptureFixture, words: tuple[str, ...]
) -> None:
    newest = trained / "checkpoints" / "00000003"
    (newest / "networks.safetensors").write_bytes(b"")
    assert ganreg(*words, "here").code == 0
    (said,) = caplog.messages
    assert said.startswith(f"skipped: checkpoint {newest} is damaged")


def test_what_is_passed_over_is_told_on_stderr(trained: Path, start: Call) -> None:
    (trained / "checkpoints" / "00000003" / "state.json").write_text("{}")
    out, err = start("sample", "here").communicate(timeout=120)
    assert out == "samples.png\n"
    assert err.startswith("skipped: checkpoint here/checkpoints/00000003 is damaged")


def test_sample_and_export_take_a_checkpoint(ganreg: Call, trained: Path) -> None:
    for name, which in (("a", "best"), ("b", "2"), ("c", "latest")):
        assert ganreg("sample", "here", "--count", "2", "--checkpoint", which, "--out", f"{name}.png").code == 0
    grids = [Path(f"{name}.png").read_bytes() for name in "abc"]
    assert grids[0] == grids[1] != grids[2]
    exported = ganreg("export", "here", "--format", "safetensors", "--checkpoint", "best", "--json")
    assert json.loads(exported.out)["step"] == 2
