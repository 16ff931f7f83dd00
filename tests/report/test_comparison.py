"""Runs side by side: what is one group, what is pooled, what is kept apart, and what is said of the rest."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganreg.errors import UsageError
from ganreg.report import compare, write_comparison, write_report
from ganreg.report.comparison import Comparison
from ganreg.report.entries import Figure
from tests.report.conftest import SPEC, lines
from tests.report.test_page import Page

Make = Callable[..., Path]


@pytest.fixture
def make(make_run: Make) -> Make:
    """make(seed, loss=…, values={step: value}, …): a run of 20 steps that measured `fid`."""

    def put(seed: int, loss: str = "hinge", *, values: dict[int, float], step: int = 20, **more: Any) -> Path:
        spec = SPEC.replace("seed: 7", f"seed: {seed}").replace("classic/hinge", f"classic/{loss}")
        spec = spec.replace("steps: 2000", "steps: 20") + more.pop("extra", "")
        protocol = {"protocol": more.pop("protocol")} if "protocol" in more else {}
        log = [{"step": s, "metric": "fid", "metrics": {"fid": v}, **protocol} for s, v in values.items()]
        log += [{"step": s, "losses": {"generator/loss": s + seed}} for s in range(1, step + 1)]
        name = more.pop("name", f"{loss}-{seed}")
        return make_run(name, spec=spec, log=lines(log), samples=(0, step), checkpoints=(step,), **more)

    return put


def pooled(comparison: Comparison, figure: Figure) -> dict[str, tuple[int, float]]:
    return {row.group.name: (row.last.n, row.last.mean) for row in comparison.rows(figure)}


def test_seeds_are_pooled_and_groups_are_named_by_what_differs(make: Make) -> None:
    runs = [
        make(seed, loss, values={10: 9.0, 20: base + seed})
        for loss, base in (("hinge", 1), ("ns", 4))
        for seed in (0, 1, 2)
    ]
    found = compare(runs)
    (figure,) = found.figures
    assert [group.name for group in found.groups] == ["loss=hinge", "loss=ns"]
    assert [dict(group.settings) for group in found.groups] == [
        {"loss": {"name": f"classic/{n}"}} for n in ("hinge", "ns")
    ]
    assert pooled(found, figure) == {"loss=hinge": (3, 2.0), "loss=ns": (3, 5.0)}
    base, other = found.rows(figure)
    assert base.difference is None
    assert other.difference is not None
    assert (other.difference.mean, other.difference.se, other.steps) == (3.0, 0.0, [20])
    turned = compare(runs, baseline=runs[4] / ".." / runs[4].name)
    assert turned.baseline.name == "loss=ns"
    assert turned.rows(figure)[0].difference.mean == -3.0  # type: ignore[union-attr]


def test_groups_that_one_name_would_fit_have_names_of_their_own(make: Make, tmp_path: Path) -> None:
    runs = []
    for weight in "12":
        run = make(0, values={20: 1.0}, name=f"{weight}/run")
        spec = (run / "spec.yaml").read_text()
        (run / "spec.yaml").write_text(spec.replace("weight: 5.0", f"weight: {weight}.0"))
        runs.append(run)
    found = compare(runs)
    assert [group.name for group in found.groups] == [f"penalties=[r1] {run}" for run in runs]
    page = write_comparison(found, tmp_path / "compare.html").read_text()
    assert set(re.findall(r'--series-(\d)\)"></i>penalties', page)) == {"1", "2"}


def test_the_baseline_is_the_first_group_that_has_a_complete_run(make: Make) -> None:
    young = make(0, "young", values={10: 1.0}, step=10)
    assert compare([young, make(0, "ns", values={20: 1.0})]).baseline.name == "loss=ns"
    assert compare([young]).baseline.name == "all runs"


def test_figures_of_different_protocols_are_never_one(make: Make) -> None:
    runs = [make(seed, values={20: 1.0}, protocol={"count": 500 * (seed + 1)}) for seed in (0, 1)]
    found = compare(runs)
    assert [(f.name, json.loads(f.protocol)) for f in found.figures] == [
        ("fid", {"count": 500}),
        ("fid", {"count": 1000}),
    ]
    assert [pooled(found, figure) for figure in found.figures] == [{"all runs": (1, 1.0)}] * 2


def test_runs_are_pooled_whose_pictures_came_each_from_its_own_seed(make: Make) -> None:
    best = "output:\n  best: {metric: fid, mode: min}\nmetrics:\n- {name: fids/fid}\n"
    protocols = {seed: {"count": 5, "seed": seed} for seed in (0, 2)}
    found = compare([make(s, values={20: float(s)}, protocol=told, extra=best) for s, told in protocols.items()])
    assert [json.loads(figure.protocol) for figure in found.figures] == [{"count": 5, "seed": "the run's"}]
    (row,) = found.rows(found.figures[0])
    assert (row.last.n, row.last.mean, row.best and row.best.mean) == (2, 1.0, 1.0)


@pytest.mark.parametrize("fixed", [7, 0])
def test_runs_are_pooled_whose_pictures_came_all_from_one_seed(make: Make, fixed: int) -> None:
    best = "output:\n  best: {metric: fid, mode: min}\nmetrics:\n- {name: fids/fid}\n"
    runs = [make(seed, values={20: seed}, protocol={"count": 5, "seed": fixed}, extra=best) for seed in (0, 1, 2)]
    found = compare([*runs, make(0, values={20: 4}, protocol={"count": 5, "seed": fixed}, extra=best, name="twice")])
    (figure,) = found.figures
    assert json.loads(figure.protocol) == {"count": 5, "seed": fixed}
    (row,) = found.rows(figure)
    assert (row.last.n, row.last.mean, row.best and row.best.mean) == (3, 1.0, 1.0)


def test_later_evaluations_count_with_their_step(make: Make) -> None:
    run = make(0, values={20: 3.0})
    (run / "evaluations.jsonl").write_text(
        lines([{"step": 10, "metrics": {"fid": 1.0, "kid": 2.0}}, {"step": 20, "metrics": {"fid": 5.0}}])
    )
    found = compare([run])
    assert [(f.name, found.rows(f)[0].last.mean, found.rows(f)[0].steps) for f in found.figures] == [
        ("fid", 5.0, [20]),
        ("kid", 2.0, [10]),
    ]


def test_the_best_of_the_run_is_told_where_the_runs_keep_it(make: Make) -> None:
    best = "output:\n  best: {metric: fid, mode: min}\nmetrics:\n- {name: fids/fid}\n"
    runs = [make(s, values={1: math.nan, 10: 2.0 + s, 20: 8.0}, extra=best) for s in (0, 1)]
    found = compare(runs)
    (row,) = found.rows(found.figures[0])
    assert (row.last.mean, row.best.mean if row.best else None) == (8.0, 2.5)
    without = make(2, values={20: 8.0}, extra=best[best.index("metrics") :])
    (row,) = compare([*runs, without]).rows(found.figures[0])
    assert row.best is None, "not all of them keep it"


@pytest.mark.parametrize("damage", ["[]", '{"components": []}', "[" * 100_000, "a folder"])
def test_a_lock_that_cannot_be_read_is_told_and_left_out(make: Make, damage: str) -> None:
    run = make(0, values={20: 1.0}, lock=None)
    if damage == "a folder":
        (run / "lock.json").mkdir()
    else:
        (run / "lock.json").write_text(damage)
    assert [note for note in compare([run]).notes if "lock.json is missing or damaged" in note]
    assert "Lock" not in Page(write_report(run)).text


def test_what_is_unfinished_repeated_not_finite_or_damaged_is_told_and_not_pooled(make: Make, tmp_path: Path) -> None:
    whole = make(0, values={20: 1.0})
    twice = make(0, values={20: 100.0}, name="twice")
    young = make(1, values={10: 100.0}, step=10)
    lost = make(2, values={20: float("nan")}, lock=None)
    cut = make(3, values={20: 5.0})
    with (cut / "log.jsonl").open("a") as log:
        log.write('{"step": 2\n')
    broken = make(4, values={})
    (broken / "spec.yaml").write_text("seed: [")
    empty = tmp_path / "empty"
    empty.mkdir()
    found = compare([whole, twice, young, lost, cut, broken, empty])
    assert pooled(found, found.figures[0]) == {"all runs": (1, 1.0)}
    notes = "\n".join(found.notes)
    assert f"{young}: unfinished, at step 10 of 20" in notes
    assert f"{twice}: the same as {whole}" in notes
    assert f"{lost}: lock.json is missing or damaged" in notes
    assert f"{lost}: fid is not finite at step 20; no mean has it" in notes
    assert f"{cut}: log.jsonl is damaged in line 22; it is not pooled" in notes
    assert [folder for folder, _ in found.damaged] == [broken, empty]
    with pytest.raises(UsageError, match="no run can be compared"):
        compare([broken, empty])
    with pytest.raises(UsageError, match="is none of the runs"):
        compare([whole], baseline=broken)


def test_a_run_without_its_last_measurement_is_unfinished(make: Make) -> None:
    metrics = "metrics:\n- {name: fids/fid}\n- {name: pictures/grid}\n"
    values = {"whole": {10: 9.0, 20: 1.0}, "killed": {10: 9.0, 20: 1.0}, "failed": {10: 9.0, 20: 1.0}, "cut": {10: 9.0}}
    runs = {name: make(i, values=own, extra=metrics, name=name) for i, (name, own) in enumerate(values.items())}
    for name, unseen in (("whole", False), ("failed", True), ("cut", False)):
        (runs[name] / "checkpoints" / "00000020" / "state.json").write_text(json.dumps({"unseen": unseen}))
    found = compare(runs.values())
    assert pooled(found, found.figures[0]) == {"all runs": (1, 1.0)}
    assert found.notes == [
        f"{runs[name]}: unfinished, without the last measurement of {which}; it is not pooled"
        for name, which in (("killed", "grid"), ("failed", "grid"), ("cut", "fid"))
    ]


@pytest.mark.parametrize(
    ("name", "harm", "said"),
    [
        ("log.jsonl", lambda text: "", "log.jsonl tells nothing of the last step"),
        ("log.jsonl", lambda text: text[:-10], "log.jsonl ends within a line"),
        ("log.jsonl", lambda text: "x\n" + text, "log.jsonl is damaged in line 1"),
        ("evaluations.jsonl", lambda text: text[:-3], "evaluations.jsonl ends within a line"),
        ("evaluations.jsonl", lambda text: text + "x\n", "evaluations.jsonl is damaged in line 3"),
    ],
)
def test_a_run_whose_records_are_damaged_is_told_and_not_pooled(
    make: Make, name: str, harm: Callable[[str], str], said: str
) -> None:
    runs = [make(seed, values={10: 9.0, 20: 1.0}) for seed in (0, 1)]
    (runs[1] / "evaluations.jsonl").write_text(lines({"step": s, "metrics": {"kid": 1.0}} for s in (10, 20)))
    file = runs[1] / name
    file.write_text(harm(file.read_text()))
    found = compare(runs)
    assert list(found.groups[0].pooled) == [0]
    (note,) = found.notes
    assert note.startswith(f"{runs[1]}: ")
    assert note.endswith(f"{said}; it is not pooled")


@pytest.mark.parametrize("huge", [-1e308, 1e200, 10**400])
def test_values_without_a_mean_are_left_out_as_what_is_not_finite(make: Make, tmp_path: Path, huge: float) -> None:
    runs = [make(seed, loss, values={10: huge, 20: huge}) for loss in ("hinge", "ns") for seed in (0, 1)]
    runs.append(make(2, values={10: huge, 20: 3.0}))
    found = compare(runs)
    assert pooled(found, found.figures[0]) == {"loss=hinge": (1, 3.0)}
    assert "loss=ns" in Page(write_comparison(found, tmp_path / "compare.html")).source
    alone = Page(write_comparison(compare(runs[:1]), tmp_path / "alone.html"))
    assert "No complete run has a finite value of it." in alone.section("Figures")


def test_other_sources_are_told(make: Make) -> None:
    locks = [{"format": 1, "torch": "2", "components": {"loss": {"id": "a/b", "source": s}}} for s in ("x", "y")]
    found = compare([make(seed, values={20: 1.0}, lock=lock) for seed, lock in enumerate(locks)])
    assert found.notes == ["not all runs were made with the same a/b: `ganreg diff` tells how two runs differ"]


def test_the_page_is_whole_and_needs_nothing_else(make: Make, tmp_path: Path) -> None:
    runs = [make(s, loss, values={10: 5.0, 20: s + 1.0}) for loss in ("hinge", "ns") for s in (0, 1)]
    runs.append(make(9, "ns", values={}, step=5, name="<b>young"))
    path = write_comparison(compare(runs), tmp_path / "compare.html")
    page = Page(path)
    assert "loss=hinge" in page.section("Groups")
    assert "1.5 ± 0.7071" in page.section("Figures")
    assert "baseline" in page.section("Figures")
    assert len(page.all("img")) == 2
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.all("img"))
    assert "unfinished, at step 5 of 20" in page.section("Runs")
    assert "<b>young" not in page.source
    assert len(page.all("svg")) == 2, "curves of the figure and of the loss"
    assert "http" not in page.source.replace("http://www.w3.org", "")
    assert path.read_bytes() == write_comparison(compare(runs), tmp_path / "again.html").read_bytes()


def test_long_names_of_groups_wrap_so_that_the_numbers_beside_them_are_seen(make: Make, tmp_path: Path) -> None:
    runs = [make(0, loss, values={20: 1.0}) for loss in ("hinge", "ns")]
    source = write_comparison(compare(runs), tmp_path / "compare.html").read_text()
    assert re.search(r"\ntbody th, \.group \{[^}]*white-space: normal; overflow-wrap: anywhere;", source)
    cells = re.findall(r"<(t[hd][^>]*)><i class=\"swatch\"", source)
    assert set(cells) == {'th scope="row"', 'td class="group"'}
