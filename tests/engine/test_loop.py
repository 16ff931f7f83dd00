"""A run's folder, stopping, going on, and numbers that stop being finite."""

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from PIL import Image
from torch import nn

import ganreg
from ganreg import Generator, Loss, Observer, Task, component
from ganreg.api import Run
from ganreg.engine.disk import append
from ganreg.engine.folder import records
from ganreg.engine.loop import Stop
from ganreg.engine.state import same
from ganreg.errors import CheckpointError, DivergenceError, Interrupted, RunFolderError, UsageError

Tiny = Callable[..., Run]


def stop_at(step: int) -> tuple[Stop, Callable[[int], None]]:
    """A wish to stop that comes while a step is under way."""
    stop = Stop(signal.SIGTERM if step == 1 else None)

    def tick(done: int) -> None:
        if done == step - 1:
            stop.signal_number = signal.SIGTERM

    return stop, tick


def interrupt(run: Run, step: int) -> None:
    stop, tick = stop_at(step)
    with pytest.raises(Interrupted) as caught:
        run.train(stop=stop, tick=tick)
    assert caught.value.exit_code == 143


def state(run: Run) -> dict[str, object]:
    assert run.training is not None
    return run.training.match.state()


def test_a_signal_leaves_no_trace_in_the_log(tiny: Tiny) -> None:
    whole, stopped = (tiny(name=name, output={"log_every": 3}) for name in ("whole", "stopped"))
    whole.train()
    interrupt(stopped, 4)
    stopped.train(resume=True)
    assert (stopped.folder / "log.jsonl").read_bytes() == (whole.folder / "log.jsonl").read_bytes()


def test_the_clock_goes_on_where_it_was(tiny: Tiny) -> None:
    run = tiny()
    interrupt(run, 4)
    speed = run.folder / "speed.jsonl"
    last = records(speed)[-1]
    append(speed, {**last, "seconds": 1000.0})
    run.train(resume=True)
    assert [record["step"] for record in records(speed)] == [1, 2, 3, 4, 4, 5, 6]
    assert all(record["seconds"] >= 1000 for record in records(speed)[4:])


@pytest.mark.parametrize("harm", ["missing", "file"])
def test_a_run_whose_checkpoints_are_gone_is_not_begun_anew(tiny: Tiny, harm: str) -> None:
    run = tiny().train()
    log = (run.folder / "log.jsonl").read_bytes()
    shutil.rmtree(run.folder / "checkpoints")
    if harm == "file":
        (run.folder / "checkpoints").write_text("")
    with pytest.raises(CheckpointError, match="is not the folder that the run has begun with: put it back, or begin"):
        run.train(resume=True)
    assert (run.folder / "log.jsonl").read_bytes() == log


@pytest.mark.parametrize("cut", [False, True])
def test_a_damaged_line_of_the_log_is_told_and_costs_no_other(tiny: Tiny, cut: bool) -> None:
    whole = tiny(name="whole").train()
    run = tiny(name="parts")
    interrupt(run, 4)
    log = run.folder / "log.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    lines[1] = lines[1].replace("{", "\0", 1)
    log.write_text("".join(lines) + '{"step": 5, "losses": {"gen' * cut)
    said: list[str] = []
    ganreg.load(run.folder).train(resume=True, say=said.append)
    assert said == ["going on from step 4", "skipped: line 2 of log.jsonl is damaged"]
    expected = (whole.folder / "log.jsonl").read_text().splitlines()
    assert log.read_text().splitlines() == [expected[0], *expected[2:]]
    said.clear()
    ganreg.load(run.folder).train(resume=True, say=said.append)
    assert said == ["going on from step 6"]


def test_records_that_are_no_file_are_refused(tiny: Tiny) -> None:
    run = tiny().train()
    (run.folder / "log.jsonl").unlink()
    (run.folder / "log.jsonl").mkdir()
    with pytest.raises(RunFolderError, match=r"log\.jsonl is not a file"):
        run.train(resume=True)


def test_a_run_writes_its_folder(tiny: Tiny) -> None:
    run = tiny(train={"steps": 5}).train()
    names = {path.name for path in run.folder.iterdir()} - {".lock"}
    assert names == {
        "spec.yaml", "lock.json", "log.jsonl", "speed.jsonl", "samples", "checkpoints", "report.html",
    }  # fmt: skip
    assert [record["step"] for record in records(run.folder / "log.jsonl")] == [1, 2, 3, 4, 5]
    assert sorted(p.stem for p in (run.folder / "samples").iterdir()) == [
        "00000000",
        "00000002",
        "00000004",
        "00000005",
    ]
    assert sorted(p.name for p in (run.folder / "checkpoints").iterdir()) == ["00000004", "00000005"]
    with Image.open(run.folder / "samples" / "00000005.png") as grid:
        assert grid.size == (2 * 28 * 2, 2 * 28 * 2)


def test_the_spec_in_the_folder_is_the_spec(tiny: Tiny) -> None:
    run = tiny(train={"steps": 1}).train()
    again = ganreg.load(run.folder)
    assert again.spec == run.spec
    lock = json.loads((run.folder / "lock.json").read_text())
    assert lock["components"]["generator"]["id"] == "proofs/tiny-generator"
    assert lock["components"]["generator"]["distribution"] == "ganreg-proofs"
    assert len(lock["components"]["generator"]["source"]) == 64
    assert lock["torch"] == torch.__version__


@pytest.mark.parametrize("step", [1, 3, 4])
def test_a_run_that_was_stopped_goes_on_to_the_same_end(tiny: Tiny, step: int) -> None:
    discriminator = {"name": "tiny-discriminator", "dropout": 0.3}
    changes = {"penalties": [{"name": "tiny-r1", "every": 4}], "discriminator": discriminator}
    whole = tiny(name="whole", **changes).train()
    parts = tiny(name="parts", **changes)
    interrupt(parts, step)
    said: list[str] = []
    gone_on = ganreg.load(parts.folder).train(resume=True, say=said.append)
    assert said == [f"going on from step {step}"]
    assert same(state(whole), state(gone_on))
    assert (whole.folder / "log.jsonl").read_text() == (parts.folder / "log.jsonl").read_text()
    for picture in (whole.folder / "samples").iterdir():
        assert picture.read_bytes() == (parts.folder / "samples" / picture.name).read_bytes()


def test_a_damaged_checkpoint_costs_its_steps_alone(tiny: Tiny) -> None:
    whole = tiny(name="whole").train()
    parts = tiny(name="parts")
    interrupt(parts, 5)
    (parts.folder / "checkpoints" / "00000005" / "networks.safetensors").write_bytes(b"")
    said: list[str] = []
    gone_on = ganreg.load(parts.folder).train(resume=True, say=said.append)
    assert "skipped" in said[0]
    assert said[1] == "going on from step 4"
    assert same(state(whole), state(gone_on))
    assert (whole.folder / "log.jsonl").read_text() == (parts.folder / "log.jsonl").read_text()


def test_a_run_that_could_not_go_on_has_no_samples(tiny: Tiny) -> None:
    folder = tiny().train().folder
    for manifest in folder.glob("checkpoints/*/manifest.json"):
        manifest.unlink()
    run = ganreg.load(folder)
    with pytest.raises(CheckpointError):
        run.train(resume=True)
    with pytest.raises(CheckpointError):
        run.sample(1)


def test_a_state_that_finds_no_memory_is_not_passed_over_for_an_older_one(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tiny().train()

    def fill(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(torch.optim.Optimizer, "load_state_dict", fill)
    said: list[str] = []
    with pytest.raises(MemoryError):
        run.train(resume=True, say=said.append)
    assert not said


def test_a_run_with_no_checkpoint_yet_starts_anew(tiny: Tiny) -> None:
    whole = tiny(name="whole").train()
    parts = tiny(name="parts", output={"checkpoint_every": 100})
    interrupt(parts, 3)
    for path in (parts.folder / "checkpoints" / "00000003").iterdir():
        path.unlink()
    (parts.folder / "checkpoints" / "00000003").rmdir()
    gone_on = ganreg.load(parts.folder).train(resume=True)
    assert same(state(whole), state(gone_on))


def test_training_longer_than_an_epoch_goes_on_across_its_end(tiny: Tiny) -> None:
    data = {"name": "tiny-pictures", "count": 7}
    whole = tiny(name="whole", data=data).train()
    parts = tiny(name="parts", data=data)
    interrupt(parts, 2)
    assert same(state(whole), state(ganreg.load(parts.folder).train(resume=True)))


def test_a_folder_that_holds_a_run_is_not_overwritten_unasked(tiny: Tiny) -> None:
    run = tiny(train={"steps": 1}).train()
    with pytest.raises(RunFolderError, match="holds a run already"):
        tiny(train={"steps": 1}).train()
    (run.folder / "notes.txt").write_text("mine")
    tiny(train={"steps": 2}).train(overwrite=True)
    assert (run.folder / "notes.txt").read_text() == "mine"
    assert len(records(run.folder / "log.jsonl")) == 2


def test_one_writer_at_a_time(tiny: Tiny) -> None:
    run = tiny()
    run.folder.mkdir()
    with FileLock(run.folder / ".lock"), pytest.raises(RunFolderError, match="another process"):
        run.train()
    run.train()


class Broken(Loss, name="broken"):
    """Hinge that divides by zero once the generator's outputs are seen for the fourth time."""

    def discriminator(self, real: ganreg.DiscriminatorOutput, fake: ganreg.DiscriminatorOutput) -> torch.Tensor:
        return (1 - real.logits).relu().mean() + (1 + fake.logits).relu().mean()

    def generator(self, real: ganreg.DiscriminatorOutput | None, fake: ganreg.DiscriminatorOutput) -> torch.Tensor:
        return -fake.logits.mean() / 0


def test_a_number_that_is_not_finite_stops_the_run_and_is_named(tiny: Tiny) -> None:
    run = tiny(loss=Broken(), output={"log_every": 100, "checkpoint_every": 3})
    with pytest.raises(DivergenceError, match="step 1, the generator's turn: the term 'loss' is not finite"):
        run.train()
    assert not list((run.folder / "checkpoints").iterdir())


def test_samples_follow_from_the_seed(tiny: Tiny) -> None:
    run = tiny(train={"steps": 2}).train()
    loaded = ganreg.load(run.folder)
    assert loaded.sample(3).shape == (3, 1, 28, 28)
    assert torch.equal(run.sample(3), loaded.sample(3))
    assert not torch.equal(loaded.sample(3, seed=1), loaded.sample(3))
    assert torch.equal(loaded.sample(3, seed=1), run.sample(3, seed=1))
    assert run.sample(9).abs().max() <= 1


def test_samples_are_of_the_run_that_is_in_the_folder_now(tiny: Tiny) -> None:
    loaded = ganreg.load(tiny(train={"steps": 2}).train().folder)
    before = loaded.sample(3)
    tiny(train={"steps": 2, "batch_size": 8}).train(overwrite=True)
    assert not torch.equal(loaded.sample(3), before)
    assert torch.equal(loaded.sample(3), ganreg.load(loaded.folder).sample(3))


def test_a_run_whose_generator_needs_numbers_to_be_built_is_gone_on_with_and_sampled(tiny: Tiny) -> None:
    class Weighed(Generator, name="weighed"):
        def build(self, task: Task) -> nn.Module:
            assert torch.ones(()).item() == 1
            network: nn.Module = component("generator", "tiny-generator").build(task)
            return network

    tiny(generator=Weighed(), train={"steps": 1}).train()
    tiny(generator=Weighed(), train={"steps": 2}).train(resume=True)
    assert tiny(generator=Weighed(), train={"steps": 2}).sample(3).shape == (3, 1, 28, 28)


def test_a_conditional_run_samples_its_classes_in_equal_shares(tiny: Tiny) -> None:
    run = tiny(conditional=True, train={"steps": 1}).train()
    assert run.sample(20).shape == (20, 1, 28, 28)


def test_a_run_that_never_trained_has_no_samples(tiny: Tiny) -> None:
    with pytest.raises(CheckpointError):
        tiny().sample(1)


def test_a_run_leaves_the_global_generators_alone(tiny: Tiny) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    tiny(train={"steps": 1}).train()
    assert torch.equal(torch.rand(3), expected)


@contextmanager
def double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    "mode",
    [torch.no_grad, torch.inference_mode, partial(torch.autocast, "cpu"), partial(torch.device, "meta"), double],
    ids=["no_grad", "inference_mode", "autocast", "device", "dtype"],
)
def test_the_modes_of_torch_around_a_run_do_not_reach_it(
    tiny: Tiny, mode: Callable[[], AbstractContextManager[object]]
) -> None:
    whole, other = tiny(name="whole").train(), tiny(name="other")
    expected = whole.sample(3)
    with mode():
        before = torch.get_default_dtype(), torch.get_default_device(), torch.is_grad_enabled()
        other.check()
        other.train()
        samples = ganreg.load(other.folder).sample(3)
        assert (torch.get_default_dtype(), torch.get_default_device(), torch.is_grad_enabled()) == before
    assert whole.training is not None
    assert other.training is not None
    assert same(whole.training.match.state(), other.training.match.state())
    assert torch.equal(samples, expected)
    assert not samples.is_inference()


def test_observers_hear_the_run(tiny: Tiny) -> None:
    heard: list[tuple[str, object]] = []

    class Ear:
        def started(self, folder: Path, spec: dict[str, object]) -> None:
            heard.append(("started", spec["seed"]))

        def logged(self, step: int, values: dict[str, float]) -> None:
            heard.append(("logged", step))

        def sampled(self, step: int, picture: Path) -> None:
            heard.append(("sampled", picture.exists()))

        def finished(self, step: int) -> None:
            heard.append(("finished", step))

    tiny(train={"steps": 2}, output={"samples_every": 2}).train(observers=[Ear()])
    assert heard == [
        ("started", 0), ("sampled", True), ("logged", 1), ("logged", 2), ("sampled", True), ("finished", 2),
    ]  # fmt: skip


class Shorthand(Observer, name="shorthand"):
    """Builds what hears."""

    notes: Path

    def build(self, task: ganreg.Task) -> Any:
        notes = self.notes

        class Built:
            def finished(self, step: int) -> None:
                notes.write_text(f"{step}")

        return Built()


def test_an_observer_of_a_call_is_built_as_one_of_the_spec(tiny: Tiny, tmp_path: Path) -> None:
    tiny(train={"steps": 2}).train(observers=[Shorthand(notes=tmp_path / "notes")])
    assert (tmp_path / "notes").read_text() == "2"


def test_an_observer_that_would_hear_nothing_is_refused(tiny: Tiny) -> None:
    run = tiny()
    with pytest.raises(UsageError, match="the observer 'shorthand' would hear nothing of the run"):
        run.train(observers=["shorthand"])
    assert not run.folder.exists()


def test_a_run_goes_on_though_its_set_has_grown(tiny: Tiny) -> None:
    run = tiny().train()
    spec = run.folder / "spec.yaml"
    spec.write_text(spec.read_text().replace("count: 40", "count: 44").replace("steps: 6", "steps: 8"))
    again = ganreg.load(run.folder).train(resume=True)
    assert again.training is not None
    assert len(again.training.feed) == 44
    assert records(run.folder / "log.jsonl")[-1]["step"] == 8
