"""How far a training is: what the lines say and how often, and the bar on a terminal."""

import os
import pty
from collections.abc import Callable
from pathlib import Path

import pytest

import ganreg
from ganreg.cli import main
from ganreg.cli.progress import Progress, progress
from ganreg.spec.runspec import RunSpec
from tests.cli.test_eval import METER

Captured = pytest.CaptureFixture[str]


def spec(steps: int) -> RunSpec:
    parts = {role: f"tiny-{role}" for role in ("generator", "discriminator")}
    others = {"data": "tiny-pictures", "loss": "tiny-hinge", "game": "tiny-standard", "schedule": "tiny-alternating"}
    optimizers = {"generator": "tiny-adam", "discriminator": "tiny-adam"}
    return ganreg.compose(**parts, **others, optimizers=optimizers, train={"steps": steps, "batch_size": 8}).spec


class Course:
    """A training of 1,000 steps, two batches of 8 each, that a resume began at step 100; it goes as it is told."""

    def __init__(self) -> None:
        self.now, self.step = 0.0, 100
        self.shown = Progress(spec(1000), lambda: (self.step, 2 * self.step), lambda: self.now)
        self.shown.started(Path("runs/x"), {})

    def go(self, steps: int, pace: float) -> None:
        for _ in range(steps):
            self.now += pace
            self.step += 1
            self.shown.tick(self.step)


def test_a_line_every_five_seconds(capsys: Captured) -> None:
    course = Course()
    course.go(39, 0.125)
    assert capsys.readouterr().err == "training into runs/x\n"
    course.go(1, 0.125)
    assert capsys.readouterr().err == "step 140/1000  128 images/s  ETA 0:01:48\n"
    course.go(80, 0.125)
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_losses_are_summed_by_player_and_metrics_passed_over(capsys: Captured) -> None:
    course = Course()
    course.shown.logged(120, {"discriminator/loss": 1.0, "discriminator/r1": 0.25, "generator/loss": -0.5})
    course.shown.logged(120, {"fid": 30.0, "fid/5k": 31.0})
    course.go(1, 5)
    assert "images/s  discriminator 1.250  generator -0.500  ETA" in capsys.readouterr().err


def test_speed_is_that_of_the_last_ten_seconds(capsys: Captured) -> None:
    course = Course()
    course.go(400, 0.125)
    course.go(160, 0.0625)
    assert capsys.readouterr().err.splitlines()[-1] == "step 660/1000  256 images/s  ETA 0:00:21"


def test_a_measurement_tells_how_far_it_is(capsys: Captured) -> None:
    course = Course()
    course.now += 4
    course.shown.measuring("frechet", "generated", 64, 10_000)
    course.now += 4
    course.shown.measuring("frechet", "generated", 6_400, 10_000)
    course.shown.measuring("frechet", "real", 64, 10_000)
    err = capsys.readouterr().err.splitlines()
    assert err[1:] == ["step 100/1000  frechet: 6,400 of 10,000 generated pictures"]


def test_the_end_tells_how_long_it_took(capsys: Captured) -> None:
    course = Course()
    course.go(900, 0.125)
    capsys.readouterr()
    course.shown.close()
    assert capsys.readouterr().err == "step 1000/1000  128 images/s  took 0:01:52\n"


def test_nothing_is_shown_of_a_training_that_never_began(capsys: Captured) -> None:
    progress(spec(3), lambda: (0, 0)).close()
    assert capsys.readouterr().err == ""


def test_a_bar_on_a_terminal(tiny: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    master, slave = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with os.fdopen(slave, "w", encoding="utf-8") as terminal, monkeypatch.context() as patch:
        patch.setattr("sys.stderr", terminal)
        code = main(["run", *tiny, "--out", "here"])
    drawn = os.read(master, 100_000).decode()
    os.close(master)
    assert code == 0
    assert "training into here" in drawn
    assert "3/3" in drawn
    assert "images/s  discriminator" in drawn
    assert drawn.rindex("\x1b[?25h") > drawn.rindex("\x1b[?25l"), "the cursor is left hidden"
    assert capsys.readouterr().out == "samples: here/samples/00000003.png\nreport:  here/report.html\n"


def test_eval_draws_how_far_it_is(
    tiny: tuple[str, ...], install: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    install("meters", METER)
    assert main(["run", *tiny, "--out", "here"]) == 0
    monkeypatch.setattr("ganreg.cli.progress.LINE", 0.0)
    capsys.readouterr()
    words = ["eval", "here", "--metric", "{name: meter, count: 12}"]
    assert main(words) == 0
    plain = capsys.readouterr()
    assert plain.err.splitlines() == [f"meter: {done} of 12 generated pictures" for done in (8, 12)]
    master, slave = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(slave, "w", encoding="utf-8") as terminal, monkeypatch.context() as patch:
        patch.setattr("sys.stderr", terminal)
        assert main(words) == 0
    drawn = os.read(master, 100_000).decode()
    os.close(master)
    assert "meter: 12 of 12 generated pictures" in drawn
    assert capsys.readouterr().out == plain.out


@pytest.mark.parametrize("terminal", ["dumb", ""])
def test_no_bar_on_a_terminal_that_cannot_draw(terminal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    monkeypatch.setenv("TERM", terminal)
    with os.fdopen(slave, "w") as stream, monkeypatch.context() as patch:
        patch.setattr("sys.stderr", stream)
        made = progress(spec(3), lambda: (0, 0))
    os.close(master)
    assert type(made) is Progress
