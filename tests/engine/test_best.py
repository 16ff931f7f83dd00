"""The best checkpoint: which one it is, that it stays, and that a resume finds the same."""

import json
import math
import shutil
from pathlib import Path
from typing import ClassVar

import pytest
import torch

import ganreg
from ganreg import Metric
from ganreg.api import Run
from ganreg.engine.best import Standing
from ganreg.engine.loop import Stop
from ganreg.engine.state import same
from ganreg.errors import CheckpointError, Interrupted, PluginError, SpecError, UsageError
from ganreg.report import compare
from ganreg.spec.runspec import Best
from tests.conftest import Tiny, begin
from tests.engine.test_folder import Drawing


class Bowl(Metric, name="bowl"):
    """(step - bottom)², and NaN before the third step."""

    bottom: int = 4

    def __call__(self, evaluation):
        """The figures, by name."""
        return {"bowl/depth": (evaluation.step - self.bottom) ** 2 if evaluation.step > 2 else math.nan}


def again(run: Run) -> Run:
    """The same run as another process finds it."""
    return Run(run.spec, run.registry, run.document, run.folder)


def kept(run: Run) -> list[int]:
    return sorted(int(path.name) for path in (run.folder / "checkpoints").iterdir())


def best_of(
    tiny: Tiny, name: str = "run", best: object = "bowl/depth", every: int | None = 1, **changes: object
) -> Run:
    output = {"checkpoint_every": 4, "keep": 1, "best": best, **changes}
    return tiny(name=name, metrics=[Bowl(every=every)], train={"steps": 9}, output=output)


def test_the_smallest_or_largest_figure_wins_the_first_of_equals_and_never_nan() -> None:
    log = [(1, None), (2, 3.0), (3, 1.0), (4, 1.0), (5, math.inf), (6, 2.0)]
    for mode, step in (("min", 3), ("max", 2)):
        standing = Standing(Best(metric="a", mode=mode), ["m"])
        found = [{"step": number, "metric": "m", "metrics": {"a": value, "b": -9.0}} for number, value in log]
        standing.recall(found)
        assert standing.step == step
        standing.recall(found[5:])  # as after going back to a step
        assert standing.step == 6
        standing.recall([{"step": 1, "losses": {}}])
        assert standing.step is None


def test_figures_of_other_protocols_are_not_compared_the_latest_counts() -> None:
    """A growing network's pictures change their size; NaN is of a protocol, too."""
    standing = Standing(Best(metric="a"), ["m"])
    log = [(1, 2.0, 4), (2, 1.0, 4), (3, 60.0, 8), (4, 50.0, 8), (5, 55.0, 8), (6, math.nan, 16)]
    found = []
    for step, value, size in log:
        standing.hear(step, {"a": value}, by="m", protocol={"pictures": size})
        found.append(standing.step)
    assert found == [1, 2, 3, 4, 4, None]
    records = [{"step": s, "metric": "m", "metrics": {"a": v}, "protocol": {"pictures": p}} for s, v, p in log[:5]]
    standing.recall(records)
    assert standing.step == 4


def test_of_metrics_that_give_the_same_figure_the_first_in_the_spec_tells_the_best() -> None:
    """Figures of different protocols do not compare, whichever came first."""
    standing = Standing(Best(metric="a"), ["m", "n", "m.2"])
    for step, by, value, best in (
        (1, "m.2", 1.0, 1),
        (2, "n", 7.0, 2),
        (3, "m.2", 0.0, 2),
        (4, "m", 9.0, 4),
        (5, "n", 0.0, 4),
        (6, "m", 8.0, 6),
        (7, "m.2", -1.0, 6),
        (8, "gone", -9.0, 6),  # from the spec, since it was logged
    ):
        standing.hear(step, {"a": value}, by=by, protocol={})
        assert standing.step == best
    standing.recall([{"step": 9, "metric": "m.2", "metrics": {"a": 5.0}}])
    assert standing.step == 9


def test_the_best_checkpoint_is_that_of_the_first_metric(tiny: Tiny) -> None:
    """The last of many steps is measured by the second alone, and would win every time."""
    metrics = [Bowl(every=2, bottom=5), Bowl(bottom=9)]
    run = tiny(metrics=metrics, train={"steps": 9}, output={"best": "bowl/depth", "keep": 1, "checkpoint_every": 3})
    assert kept(run.train()) == [4, 9]
    log = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert {record["metric"] for record in log if "metrics" in record} == {"bowl", "bowl.2"}
    group = compare([run.folder])
    assert [bool(row.best) for figure in group.figures for row in group.rows(figure)] == [True, False]


def test_the_best_stays_beside_the_newest_though_its_step_is_no_checkpoint_step(tiny: Tiny) -> None:
    assert kept(best_of(tiny, checkpoint_every=3).train()) == [4, 9]
    assert kept(best_of(tiny, "max", {"metric": "bowl/depth", "mode": "max"}).train()) == [9]


def test_what_is_asked_for_comes_from_its_checkpoint(tiny: Tiny) -> None:
    run = best_of(tiny, checkpoint_every=4).train()
    stop = tiny(name="four", metrics=[Bowl(every=1)], train={"steps": 4}).train()
    loaded = again(run)
    assert torch.equal(loaded.sample(2, checkpoint="best"), stop.sample(2))
    assert torch.equal(run.sample(2, checkpoint=4), stop.sample(2))
    assert torch.equal(loaded.sample(2), run.sample(2))
    assert not torch.equal(loaded.sample(2), stop.sample(2))
    assert loaded.export(run.folder / "g.safetensors", checkpoint="best").step == 4
    with pytest.raises(CheckpointError, match=r"no checkpoint of step 5 is in .*; kept: 4, 9"):
        loaded.sample(1, checkpoint=5)


class Crash(Exception):
    """The end of a process that could not save."""


@pytest.mark.parametrize("saves", [True, False])
@pytest.mark.parametrize("step", [3, 4, 5, 7])
def test_a_run_that_was_stopped_or_crashed_keeps_the_same_best(tiny: Tiny, step: int, saves: bool) -> None:
    whole, parts = best_of(tiny, "whole").train(), best_of(tiny, "parts")
    stop = Stop()

    def tick(done: int) -> None:
        if done == step - 1 and not saves:
            raise Crash
        stop.signal_number = 15 if done == step - 1 else None

    with pytest.raises(Interrupted if saves else Crash):
        parts.train(stop=stop, tick=tick)
    gone_on = again(parts).train(resume=True)
    assert kept(whole) == kept(parts) == [4, 9]
    assert (whole.folder / "log.jsonl").read_bytes() == (parts.folder / "log.jsonl").read_bytes()
    for path in sorted((whole.folder / "checkpoints").rglob("*.*")):
        assert path.read_bytes() == (parts.folder / path.relative_to(whole.folder)).read_bytes()
    assert whole.training is not None
    assert gone_on.training is not None
    assert same(whole.training.match.state(), gone_on.training.match.state())


def test_a_best_that_is_gone_or_was_never_measured_is_told(tiny: Tiny) -> None:
    run = best_of(tiny).train()
    shutil.rmtree(run.folder / "checkpoints" / "00000004")
    with pytest.raises(CheckpointError, match="no checkpoint of step 4"):
        again(run).sample(1, checkpoint="best")
    (run.folder / "log.jsonl").write_text("")
    with pytest.raises(CheckpointError, match="the log holds no 'bowl/depth'"):
        again(run).sample(1, checkpoint="best")
    with pytest.raises(UsageError, match="keeps no best checkpoint"):
        tiny(name="plain").train().sample(1, checkpoint="best")


def test_a_figure_that_nothing_gives_is_refused_before_the_run_or_when_all_have_spoken(tiny: Tiny) -> None:
    with pytest.raises(SpecError, match="the run has no metrics"):
        tiny(output={"best": "bowl/depth"})
    run = best_of(tiny, best="bowl/dept", every=2)
    with pytest.raises(SpecError, match=r"gives 'bowl/dept'\n  help: did you mean 'bowl/depth'\?"):
        run.train()
    assert kept(run) == [2], "the steps until then are not lost"
    with pytest.raises(SpecError, match="gives 'bowl/dept'"):
        run.train(resume=True)
    assert kept(run) == [2], "and the run goes on to its end no other time"


def test_a_metric_that_gives_pictures_alone_gives_no_figure(tiny: Tiny) -> None:
    run = tiny(metrics=[Drawing(every=1)], output={"best": "depth"})
    with pytest.raises(SpecError, match=r"gives 'depth'\n  help: they give pictures alone"):
        run.train()
    assert kept(run) == [1]


class Late(Metric, name="late"):
    """Fails at the end, until it is mended."""

    broken: ClassVar[bool] = True

    def __call__(self, evaluation):
        """The figures, by name."""
        if self.broken:
            raise OSError("no room")
        return {"late": 1.0}


def test_the_best_stays_when_a_step_is_measured_once_more(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    output = {"best": "bowl/depth", "keep": 1, "checkpoint_every": 9}
    run = tiny(metrics=[Bowl(every=1), Late()], train={"steps": 9}, output=output)
    with pytest.raises(PluginError, match="failed after step 9, which is saved"):
        run.train()
    assert kept(run) == [4, 9]
    monkeypatch.setattr(Late, "broken", False)
    assert kept(run.train(resume=True)) == [4, 9]


class Recorder(Metric, name="recorder"):
    """Means of both sides, a picture, and a protocol; remembers that it was asked."""

    count: int = 6
    fails: bool = False
    asked: ClassVar[list[int]] = []

    def __call__(self, evaluation):
        """The figures, by name."""
        self.asked.append(evaluation.step)
        if self.fails:
            raise ValueError("out of ink")
        torch.rand(3)
        return {
            "recorder/made": torch.cat([b.images for b in evaluation.generated(self.count)]).mean(),
            "recorder/draw": torch.rand(()).item(),
            "recorder/shade": torch.zeros(1, 70, 80),
        }

    def protocol(self, evaluation):
        """How it is measured."""
        return {"count": self.count}


def test_an_evaluation_measures_what_the_run_measures_and_touches_nothing(tiny: Tiny) -> None:
    run = tiny(metrics=[Recorder(every=3)]).train()
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    run.training = None  # what it left in its folder is measured
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    (first,), (again,) = run.evaluate(), run.evaluate()
    assert torch.equal(torch.rand(3), expected), "the global generators are left alone"
    log = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert first.figures["recorder/made"] == log[-1]["metrics"]["recorder/made"]
    assert first.figures == again.figures
    assert (first.step, first.metric["count"], first.protocol) == (6, 6, {"count": 6})
    (picture,) = first.pictures.values()
    assert picture.name == "00000006.png"
    assert picture.parent.parent == run.folder / "evaluations"
    assert picture.parent.name.startswith("recorder-shade-")
    assert {path: path.read_bytes() for path in before} == before
    first.record(run.folder)
    record = json.loads((run.folder / "evaluations.jsonl").read_text())
    assert record == {"step": 6, "metric": dict(first.metric), "metrics": first.figures, "protocol": {"count": 6}}


def test_the_best_and_the_latest_are_those_of_now(tiny: Tiny) -> None:
    """Also where the run has gone on since they were asked for, here or in another process."""
    output = {"best": "bowl/depth", "keep": 1, "checkpoint_every": 2}
    run = tiny(metrics=[Bowl(every=1, bottom=8)], train={"steps": 9}, output=output)
    begin(run, 5)
    watching = again(run)
    assert [run.evaluate(checkpoint="best")[0].step, watching.evaluate()[0].step] == [5, 5]
    run.train(resume=True)
    assert [run.evaluate(checkpoint="best")[0].step, watching.evaluate()[0].step] == [8, 9]
    with pytest.raises(UsageError, match="there is no checkpoint '6'"):
        run.sample(1, checkpoint="6")  # type: ignore[arg-type]
    for count in (0, "3", 2.5, True):
        with pytest.raises(UsageError, match=f"{count!r} pictures cannot be made: ask for a whole number"):
            run.sample(count)  # type: ignore[arg-type]


def test_other_metrics_are_checked_against_the_run(tiny: Tiny, tmp_path: Path) -> None:
    run = tiny().train()
    (found,) = run.evaluate([Recorder(count=2)], checkpoint=4, figures=tmp_path / "pictures")
    assert found.step == 4
    assert found.pictures["recorder/shade"].is_relative_to(tmp_path / "pictures")
    with pytest.raises(SpecError, match="no metric is called 'nonesuch'"):
        run.evaluate(["nonesuch"])
    with pytest.raises(UsageError, match="name some"):
        run.evaluate()
    with pytest.raises(ganreg.GanregError, match=r"the metric 'recorder' failed: ValueError: out of ink \(.*test_best"):
        run.evaluate([Recorder(fails=True)])
