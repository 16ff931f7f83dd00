"""`check`, `run`, `resume`, `sample` and `report`, in this process."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ganreg.engine.folder import records

Call = Callable[..., Any]
Options = tuple[str, ...]


def test_check_tells_shapes_and_costs(ganreg: Call, tiny: Options) -> None:
    result = ganreg("check", *tiny, "--penalty", "tiny-r1")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[:3] == [
        "task    images (1, 28, 28), latent 8",
        "terms   discriminator: loss, tiny-r1",
        "terms   generator: loss",
    ]
    assert re.fullmatch(r"work    [\d.]+ MFLOP per step", lines[3])
    assert re.fullmatch(r"memory  [\d.]+ [KM]iB at the peak, estimated, without the data", lines[4])
    assert lines[6].split() == ["network", "component", "parameters", "takes", "gives"]
    assert re.fullmatch(r"generator +tiny-generator +7,\d\d\d  \(8\) +\(1, 28, 28\)", lines[7])
    assert re.fullmatch(r"discriminator +tiny-discriminator +853  \(1, 28, 28\)  \(1\)", lines[8])
    assert lines[-1] == "ok"


def test_check_tells_classes_and_warnings(ganreg: Call, tiny: Options) -> None:
    assert "latent 8, 10 classes\n" in ganreg("check", *tiny, "--set", "conditional=true").out


def test_check_as_json(ganreg: Call, tiny: Options) -> None:
    found = json.loads(ganreg("check", *tiny, "--json").out)
    assert found["ok"] is True
    assert found["task"]["image"] == [1, 28, 28]
    assert found["networks"]["discriminator"]["parameters"] == 4 * 16 + 4 + 4 * 14 * 14 + 1
    assert found["terms"] == ["discriminator/loss", "generator/loss"]


def test_run_trains_and_says_where_things_are(ganreg: Call, tiny: Options, tmp_path: Path) -> None:
    result = ganreg("run", *tiny, "--out", "here")
    assert (result.code, result.out) == (0, "samples: here/samples/00000003.png\nreport:  here/report.html\n")
    assert (tmp_path / "here" / "report.html").is_file()
    first, last = result.err.splitlines()
    assert first == "training into here"
    assert re.fullmatch(
        r"step 3/3  [\d,]+ images/s  discriminator \d\.\d{3}  generator -?\d\.\d{3}  took 0:00:\d\d", last
    )


def test_run_takes_a_free_name_where_none_is_given(ganreg: Call, tiny: Options) -> None:
    assert "report:  runs/tiny-generator-tiny-hinge/report.html" in ganreg("run", *tiny).out
    assert "report:  runs/tiny-generator-tiny-hinge-2/report.html" in ganreg("run", *tiny).out


def test_run_as_json_gives_the_last_losses(ganreg: Call, tiny: Options, tmp_path: Path) -> None:
    result = ganreg("run", *tiny, "--out", "here", "--json")
    found = json.loads(result.out)
    assert found == {
        "folder": "here",
        "steps": 3,
        "samples": "here/samples/00000003.png",
        "report": "here/report.html",
        "losses": records(tmp_path / "here" / "log.jsonl")[-1]["losses"],
        "metrics": {},
    }
    assert set(found["losses"]) == {"discriminator/loss", "generator/loss"}


def test_run_as_json_gives_each_figure_by_its_protocol(ganreg: Call, tiny: Options) -> None:
    coarse = [
        {"name": "tiny-mean-distance", "every": 1, "extractor": {"name": "tiny-coarse", "side": n}} for n in (1, 2)
    ]
    result = ganreg("run", *tiny, "--out", "here", "--json", "--set", f"metrics={json.dumps(coarse)}")
    (name, found), *others = json.loads(result.out)["metrics"].items()
    assert (name, others) == ("mean-distance", [])
    last = [record for record in records(Path("here/log.jsonl")) if "metrics" in record][-2:]
    assert found == [{"value": r["metrics"]["mean-distance"], "protocol": r["protocol"]} for r in last]
    coarse = "ganreg_proofs.features/tiny-coarse"
    assert [figure["protocol"]["extractor"] for figure in found] == [f"{coarse}(side=1)", coarse]


def test_run_replaces_a_run_only_when_told_to(ganreg: Call, tiny: Options) -> None:
    assert ganreg("run", *tiny, "--out", "here").code == 0
    refused = ganreg("run", *tiny, "--out", "here", "--seed", "5")
    assert refused.code == 8
    assert "`ganreg resume here`" in refused.err
    before = {path: path.read_bytes() for path in Path("here").rglob("*") if path.is_file()}
    late = ganreg("run", *tiny, "--out", "here", "--overwrite", "--set", "train.device=cuda:9")
    assert (late.code, "there is no device" in late.err) == (3, True)
    assert {path: path.read_bytes() for path in before} == before, "what cannot begin replaces nothing"
    replaced = ganreg("run", *tiny, "--out", "here", "--seed", "5", "--overwrite")
    assert replaced.code == 0
    assert "seed: 5" in Path("here/spec.yaml").read_text()


def test_a_run_that_diverges_has_exit_code_7(ganreg: Call, tiny: Options) -> None:
    result = ganreg("run", *tiny, "--set", "optimizers.discriminator={name: tiny-adam, lr: 1e38}")
    assert result.code == 7
    assert "not finite" in result.err


def test_resume_of_a_complete_run_says_so(ganreg: Call, tiny: Options) -> None:
    done = ganreg("run", *tiny, "--out", "here")
    result = ganreg("resume", "here")
    assert (result.code, result.out) == (0, done.out)
    assert result.err == "already complete: 3 steps\n"


def test_resume_ends_where_an_unbroken_run_does(ganreg: Call, tiny: Options) -> None:
    options = (*tiny, "--set", "output.checkpoint_every=1", "--set", "output.log_every=1", "--out", "here", "--json")
    whole = json.loads(ganreg("run", *options).out)
    shutil.rmtree("here/checkpoints/00000003")
    result = ganreg("resume", "here", "--json")
    assert result.err.startswith("going on from step 2\ntraining into here\nstep 3/3")
    assert json.loads(result.out) == whole


def test_resume_does_not_trust_a_damaged_last_checkpoint(ganreg: Call, tiny: Options) -> None:
    ganreg("run", *tiny, "--set", "output.checkpoint_every=1", "--out", "here")
    Path("here/checkpoints/00000003/state.json").write_text("{}")
    result = ganreg("resume", "here")
    assert result.code == 0
    assert "skipped: checkpoint here/checkpoints/00000003 is damaged" in result.err
    assert "going on from step 2" in result.err


@pytest.mark.parametrize("command", ["resume", "sample", "report"])
def test_what_is_no_run_is_refused(ganreg: Call, command: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    for path, reason in (("folder", "it has no spec.yaml"), ("file", "it is a file"), ("none", "it does not exist")):
        result = ganreg(command, path)
        assert (result.code, result.out) == (2, "")
        assert result.err == f"error: '{path}' is not the folder of a run: {reason}\n"


def test_sample_writes_a_grid_that_follows_the_seed(ganreg: Call, tiny: Options) -> None:
    ganreg("run", *tiny, "--out", "here")
    assert ganreg("sample", "here", "--count", "5").out == "samples.png\n"
    with Image.open("samples.png") as picture:
        assert picture.size == (3 * 28 * 2, 2 * 28 * 2)
    grids = {}
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert ganreg("sample", "here", "--count", "5", "--seed", seed, "--out", f"{name}.png").code == 0
        grids[name] = Path(f"{name}.png").read_bytes()
    assert grids["a"] == grids["b"]
    assert grids["a"] != grids["c"]


def test_sample_needs_a_checkpoint_and_a_place(ganreg: Call, tiny: Options) -> None:
    ganreg("run", *tiny, "--out", "here")
    Path("here.png").mkdir()
    refused = ganreg("sample", "here", "--out", "here.png")
    assert refused.code == 2
    assert "cannot write here.png: Is a directory" in refused.err
    for out in ("here.jpg", "here"):
        refused = ganreg("sample", "here", "--out", out)
        assert (refused.code, refused.out) == (2, "")
        assert refused.err == f"error: --out '{out}' does not end in .png: that is what is written\n"
    for out in ("", "/", ".", ".."):
        for command in ("sample", "--out"), ("export", "--out"), ("compare", "--html"):
            refused = ganreg(command[0], "here", command[1], out)
            assert (refused.code, refused.err) == (2, f"error: '{out}' is no name of a file\n"), command
    refused = ganreg("sample", "here", "--count", "65537")
    assert refused.code == 2
    assert "65537 is not in the range 1<=x<=65536" in refused.err
    shutil.rmtree("here/checkpoints")
    result = ganreg("sample", "here")
    assert result.code == 6
    assert "no usable checkpoint" in result.err


def test_a_tilde_is_the_home_folder_of_who_calls(
    ganreg: Call, tiny: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    assert ganreg("run", *tiny, "--out", "~/run").out.endswith(f"report:  {home}/run/report.html\n")
    run = str(home / "run")
    assert ganreg("sample", run, "--count", "2", "--out", "~/a.png").out == f"{home}/a.png\n"
    assert ganreg("export", run, "--out", "~/a.safetensors").out == f"{home}/a.safetensors\n"
    assert ganreg("compare", run, "--html", "~/a.html").out.endswith(f"page: {home}/a.html\n")
    assert ganreg("schema", "--output", "~/a.json").code == 0
    assert ganreg("run", *tiny, "--set", "output.folder=~/other", "--set", "init.run=~/run").code == 0
    assert (home / "other" / "report.html").is_file()
    found = {path.name for path in home.iterdir() if not path.name.startswith(".")}  # where matplotlib keeps its fonts
    assert found == {"run", "other", "a.png", "a.safetensors", "a.html", "a.json"}
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_report_writes_the_page_again(ganreg: Call, tiny: Options) -> None:
    ganreg("run", *tiny, "--out", "here")
    Path("here/report.html").unlink()
    assert ganreg("report", "here").out == "here/report.html\n"
    assert Path("here/report.html").is_file()
