"""Faults of strangers' parts: the part is named with the line of its code, and no work is lost."""

import math
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import Field
from torch import nn

import ganreg
from ganreg import Batch, Dataset, Generator, Metric, Observer, Optimizer, Penalty, Task
from ganreg.api import Run
from ganreg.engine.checkpoints import Checkpoints
from ganreg.engine.state import same
from ganreg.engine.world import ALONE, World
from ganreg.errors import CheckpointError, DataError, DivergenceError, GanregError, PluginError, SpecError
from ganreg.task import DatasetInfo

Tiny = Callable[..., Run]


class BadMetric(Metric, name="bad-metric"):
    def __call__(self, evaluation: Any) -> dict[str, float]:
        return {"x": 1 / 0}


class BadObserver(Observer, name="bad-observer"):
    def logged(self, step: int, values: Any) -> None:
        raise ConnectionError("no network")


class BadEnd(Observer, name="bad-end"):
    def finished(self, step: int) -> None:
        raise ConnectionError("no network")


class LatePenalty(Penalty, name="late-penalty"):
    def __call__(self, play: Any) -> Any:
        if play.step == 2:
            raise KeyError("late")


def fall(gradient: Any) -> Any:
    raise ArithmeticError("no way back")


class Quitter(Penalty, name="quitter"):
    def __call__(self, play: Any) -> Any:
        if play.step == 2:
            raise SystemExit(0)


class Abyss(Penalty, name="abyss"):
    """Has a derivative that fails."""

    def __call__(self, play: Any) -> Any:
        logits = play.real_output.logits.clone()
        logits.register_hook(fall)
        return logits.mean()


class OddState(Penalty, name="odd-state"):
    """Remembers what no checkpoint can hold, or cannot say what it remembers."""

    held: str

    def __call__(self, play: Any) -> Any:
        return None

    def state_dict(self) -> Any:
        match self.held:
            case "array":
                return {"held": np.zeros(3)}
            case "set":
                return {"held": {1}}
            case "sparse":
                return {"held": torch.eye(2).to_sparse()}
        return {"held": 1 / 0}

    def load_state_dict(self, state: Any) -> None:
        pass


def failure(run: Run) -> str:
    with pytest.raises(PluginError) as caught:
        run.train()
    assert "test_faults.py:" in str(caught.value)
    return str(caught.value)


def saved(run: Run) -> int:
    return int(Checkpoints(run.folder / "checkpoints", 9).newest()[0]["step"])


def test_a_metric_that_fails_costs_no_step(tiny: Tiny) -> None:
    run = tiny(metrics=[BadMetric()], output={"checkpoint_every": 100})
    assert failure(run).startswith("the metric 'bad-metric' failed after step 6, which is saved: ZeroDivisionError")
    assert saved(run) == 6


def test_an_observer_that_fails_costs_no_step(tiny: Tiny) -> None:
    run = tiny(observers=[BadObserver()], output={"checkpoint_every": 100, "log_every": 3})
    assert failure(run).startswith("the observer 'bad-observer' failed after step 3, which is saved: ConnectionError")
    assert saved(run) == 3


@pytest.mark.parametrize(
    ("world", "error", "told"),
    [
        (World(0, 2), PluginError, "the observer 'bad-observer' failed after step 3, whose state is not finite: Conn"),
        (ALONE, DivergenceError, "after step 3: 'dense.weight' of the generator's network 'generator' is not finite"),
    ],
    ids=["first of two", "alone"],
)
def test_a_state_that_cannot_be_saved_sends_no_process_back_by_itself(
    tiny: Tiny, world: World, error: type[GanregError], told: str
) -> None:
    """The others are in the next step meanwhile: only who is alone can go back where a part that looks on fails."""
    training = tiny(observers=[BadObserver()]).assemble()
    training.match.world, training.match.step_index = world, 3
    with torch.no_grad():
        next(training.match.networks["generator"].parameters()).fill_(math.nan)
    with pytest.raises(error, match=re.escape(told)):
        training.tell("logged", 3, {})


def test_a_run_whose_observer_fails_at_its_end_has_a_report(tiny: Tiny) -> None:
    run = tiny(observers=[BadEnd()])
    assert failure(run).startswith("the observer 'bad-end' failed after step 6, which is saved: ConnectionError")
    assert (run.folder / "report.html").is_file()


class Nameless(Penalty, name="nameless"):
    """Calls itself otherwise than most do."""

    def build(self, task: Task) -> Any:
        class Built:
            def __call__(s, play: Any) -> Any:
                if play.step == 2:
                    raise KeyError("late")

        return Built()


def test_a_part_is_known_by_its_methods_whatever_they_call_it(tiny: Tiny) -> None:
    run = tiny(penalties=["tiny-r1", Nameless()])
    assert failure(run).startswith("the penalty 'nameless' failed in step 3: KeyError: 'late'")


def test_a_part_that_fails_in_a_step_is_named(tiny: Tiny) -> None:
    run = tiny(penalties=["tiny-r1", LatePenalty()])
    assert failure(run).startswith("the penalty 'late-penalty' failed in step 3: KeyError: 'late'")
    assert saved(run) == 2


class LateGenerator(Penalty, name="late-generator"):
    """Fails when the discriminator has moved already."""

    player = "generator"

    def __call__(self, play: Any) -> Any:
        if play.step == 2:
            raise KeyError("late")


def test_half_a_step_is_not_saved_where_an_observer_fails_at_its_end(tiny: Tiny) -> None:
    whole, other = (
        tiny(name=name, penalties=[LateGenerator()], observers=o) for name, o in (("a", []), ("b", [BadEnd()]))
    )
    for run in (whole, other):
        assert failure(run).startswith("the penalty 'late-generator' failed in step 3: KeyError: 'late'")
        assert (run.folder / "report.html").is_file()
    one, two = (Checkpoints(run.folder / "checkpoints", 9).newest()[0] for run in (whole, other))
    assert one["step"] == 2
    assert same(one, two)


class Flaky(Metric, name="flaky"):
    """Fails at a step, until it is mended."""

    broken_at: ClassVar[int | None] = None

    def __call__(self, evaluation: Any) -> dict[str, float]:
        if evaluation.step == self.broken_at:
            raise OSError("no room")
        return {"flaky": float(evaluation.step)}


@pytest.mark.parametrize("step", [4, 6])
def test_what_was_not_measured_is_measured_when_the_run_goes_on(
    tiny: Tiny, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though its step is saved, and be it the last one: the log is that of a run in which nothing failed."""
    monkeypatch.setattr(Flaky, "broken_at", step)
    metrics = [{"name": "tiny-mean-distance", "every": 2}, Flaky(every=2)]
    run = tiny(metrics=metrics, output={"samples_every": 2, "log_every": 1})
    assert f"failed after step {step}, which is saved" in failure(run)
    said: list[str] = []
    with pytest.raises(PluginError, match=f"failed after step {step}, which is saved"):
        run.train(resume=True, say=said.append)
    monkeypatch.undo()
    run.train(resume=True, say=said.append)
    assert said == [f"going on from step {step}"] * 2, "no step is played again"
    whole = tiny(name="whole", metrics=metrics, output={"samples_every": 2, "log_every": 1}).train()
    assert (run.folder / "log.jsonl").read_text() == (whole.folder / "log.jsonl").read_text()
    for pictures in (r.folder / "samples" for r in (run, whole)):
        assert sorted(path.name for path in pictures.iterdir()) == [f"{at:08d}.png" for at in (0, 2, 4, 6)]


def test_a_part_does_not_end_the_process(tiny: Tiny) -> None:
    """As if the run were complete."""
    run = tiny(penalties=[Quitter()])
    assert failure(run).startswith("the penalty 'quitter' failed in step 3: SystemExit: 0")
    run = tiny(name="looks-on", metrics=[QuittingMetric()])
    assert failure(run).startswith("the metric 'quitting-metric' failed after step 6, which is saved: SystemExit: 0")


class QuittingMetric(Metric, name="quitting-metric"):
    """Ends the process."""

    def __call__(self, evaluation: Any) -> Any:
        raise SystemExit(0)


class Stingy(Generator, name="stingy"):
    """Makes two pictures of three."""

    def build(self, task: Task) -> Any:
        image = torch.Size(task.image)

        class Network(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.layer = torch.nn.Linear(task.latent, image.numel())

            def forward(self, z: Any, labels: Any) -> Any:
                images = self.layer(z).tanh().unflatten(1, image)
                return images[1:] if len(z) == 3 else images

        return Network()


def test_a_generator_that_makes_other_than_asked_is_named(tiny: Tiny) -> None:
    run = tiny(generator=Stingy(), output={"samples": 4})
    run.training = run.assemble()
    assert len(run.sample(4)) == 4
    with pytest.raises(PluginError, match="the generator 'stingy' made 2 pictures where 3 were asked"):
        run.sample(3)


def test_a_derivative_that_fails_is_named_with_its_terms(tiny: Tiny) -> None:
    run = tiny(penalties=["tiny-r1", "tiny-clipping", Abyss()])
    message = "the backward pass of the discriminator's terms (loss, tiny-r1, abyss) failed in step 1: ArithmeticError"
    with pytest.raises(SpecError) as refused:
        run.check()
    assert refused.value.mistakes[0].message.startswith(f"in the dry run {message}")
    with pytest.raises(PluginError) as caught:
        run.assemble().match.step()
    assert str(caught.value).startswith(f"{message}: no way back (")
    assert "test_faults.py:" in str(caught.value)


class Freezing(Penalty, name="freezing"):
    """Lets weights of the discriminator train no more."""

    count: int

    def __call__(self, play: Any) -> Any:
        return None

    def after_update(self, play: Any) -> None:
        if play.step == 2 and play.player == "generator":
            for parameter in list(play.networks["discriminator"].parameters())[: self.count]:
                parameter.requires_grad_(False)


@pytest.mark.parametrize("count", [1, 4])
def test_weights_that_are_frozen_in_the_midst_are_named(tiny: Tiny, count: int) -> None:
    """The terms are not to blame."""
    names = r"'discriminator\.\S+'" if count == 1 else r"('discriminator\.\S+',? ){3}and 1 more"
    with pytest.raises(PluginError, match=f"in step 4: somebody has frozen {names}, which trained when the run began"):
        tiny(penalties=[Freezing(count=count)]).train()


class Told(Dataset, name="told"):
    """Tells one thing, and gives what a test says."""

    give: Callable[[], Any] = Field(exclude=True)
    classes: int = 0

    def info(self) -> DatasetInfo:
        return DatasetInfo((1, 4, 4), 8, tuple(map(str, range(self.classes))) or None)

    def build(self, task: Task) -> Any:
        return self.give()


PICTURES = torch.zeros(8, 1, 4, 4)


class ByIndex:
    """A set by index: eight pictures, and what a test makes of every batch but the one that is looked at first."""

    skipped: tuple[str, ...] = ()

    def __init__(self, later: Callable[[Batch], Any] = lambda batch: batch, images: torch.Tensor = PICTURES) -> None:
        self.later = later
        self.images = images
        self.asked = 0

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: torch.Tensor) -> Any:
        self.asked += 1
        batch = Batch(self.images[indices], torch.zeros(len(indices), dtype=torch.int32))
        return batch if self.asked == 1 else self.later(batch)


@pytest.mark.parametrize(
    ("give", "classes", "message"),
    [
        (lambda: PICTURES, 0, "built a Tensor"),
        (lambda: Batch(PICTURES[:0]), 0, "has no pictures"),
        (lambda: Batch(PICTURES[:, :, 1:]), 0, r"gives images \(8, 1, 3, 4\), where \(8, 1, 4, 4\) are due"),
        (lambda: Batch(PICTURES + 3), 0, "gives values from 3 to 3"),
        (lambda: Batch(torch.cat([PICTURES[1:], PICTURES[:1] + math.nan])), 0, "gives values from nan to nan"),
        (lambda: Batch(PICTURES[1:]), 0, "has 7 pictures, where it told of 8"),
        (lambda: ByIndex(images=PICTURES[1:]), 0, "has 7 pictures, where it told of 8"),
        (lambda: Batch(PICTURES.bool()), 0, r"gives images as torch.bool; they must be uint8 in 0 … 255, or float"),
        (lambda: Batch(PICTURES.long()), 0, r"gives images as torch.int64; they must be uint8"),
        (lambda: Batch(PICTURES.numpy()), 0, r"gives images as a ndarray, not a tensor"),
        (lambda: Batch(PICTURES, torch.zeros(7)), 2, r"gives labels \(7,\), where \(8,\) are due"),
        (lambda: Batch(PICTURES, torch.zeros(8)), 2, "gives labels as torch.float32; they must be int64"),
        (lambda: Batch(PICTURES), 2, "gives no labels"),
        (lambda: Batch(PICTURES, torch.arange(8)), 2, "gives labels outside 0 … 1"),
        (lambda: 1 / 0, 0, r"failed: ZeroDivisionError: division by zero \(.*test_faults.py:\d+\)"),
    ],
)
def test_data_is_what_it_said_it_would_be(tiny: Tiny, give: Callable[[], Any], classes: int, message: str) -> None:
    run = tiny(data=Told(give=give, classes=classes), conditional=classes > 0)
    with pytest.raises(DataError, match="the dataset 'told' " + message):
        run.assemble()


def numbers(batch: Batch) -> Any:
    return 1 / 0


@pytest.mark.parametrize(
    ("later", "message"),
    [
        (lambda batch: batch[1:], r"gives images \(7, 1, 4, 4\), where \(8, 1, 4, 4\) are due"),
        (lambda batch: Batch(batch.images[:, :, 1:]), r"gives images \(8, 1, 3, 4\)"),
        (lambda batch: Batch(batch.images.byte()), "gives images as torch.uint8, where the first ones are torch.float"),
        (lambda batch: batch.images, "gives a Tensor where a Batch is due"),
        (numbers, r"failed: ZeroDivisionError: division by zero \(.*test_faults.py:\d+\)"),
    ],
)
def test_data_stays_what_it_said_it_would_be(tiny: Tiny, later: Callable[[Batch], Any], message: str) -> None:
    """Less would train in silence: fewer real pictures than generated ones."""
    run = tiny(data=Told(give=lambda: ByIndex(later)), train={"batch_size": 4})
    with pytest.raises(DataError, match="the dataset 'told' " + message):
        run.train()


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("by_index", [False, True])
def test_floats_of_any_width_are_pictures(tiny: Tiny, kind: torch.dtype, by_index: bool) -> None:
    images = PICTURES.to(kind) + 0.5
    run = tiny(data=Told(give=lambda: ByIndex(images=images) if by_index else Batch(images)), train={"steps": 1})
    run.train()
    assert run.training is not None
    assert run.training.feed.batch(0).images.dtype == torch.float32


def test_labels_of_any_integers_are_labels(tiny: Tiny) -> None:
    run = tiny(data=Told(give=ByIndex, classes=2), conditional=True, train={"steps": 1}, penalties=[])
    assert run.assemble().feed.batch(0).labels.dtype == torch.int64


def test_a_set_may_leave_pictures_out_if_it_says_which(tiny: Tiny) -> None:
    held = ByIndex(images=PICTURES[1:])
    held.skipped = ("broken.png",)
    assert len(tiny(data=Told(give=lambda: held)).assemble().feed) == 7


class Wrong(Optimizer, name="wrong"):
    value: Callable[..., Any] | int = Field(exclude=True)

    def build(self, task: Task) -> Any:
        return self.value


class Odd(torch.optim.SGD):
    """Fails in its first step."""

    def step(s, closure: Any = None) -> Any:
        if not s.param_groups[0]["params"][0].is_meta:
            raise KeyError("moment")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "built no function from parameters to an optimizer"),
        (lambda parameters: 3, "makes a int of parameters, no torch.optim.Optimizer"),
        (lambda parameters: torch.optim.SGD(parameters, lr=-1), "cannot be built: ValueError: Invalid learning rate"),
        (torch.optim.LBFGS, r"fails in the dry run: TypeError: .*step\(\) missing 1 required .* 'closure'"),
    ],
)
def test_an_optimizer_is_a_function_to_an_optimizer(tiny: Tiny, value: Any, message: str) -> None:
    with pytest.raises(SpecError, match="the optimizer 'wrong' " + message) as caught:
        tiny(optimizers={"generator": Wrong(value=value), "discriminator": "tiny-adam"}).check()
    assert caught.value.mistakes[0].path == ("optimizers", "generator")


def test_an_optimizer_that_fails_in_its_step_is_named(tiny: Tiny) -> None:
    run = tiny(optimizers={"generator": "tiny-adam", "discriminator": Wrong(value=Odd)})
    assert failure(run).startswith("the optimizer 'wrong' failed in step 1: KeyError: 'moment'")


class BuiltBadly(Metric, name="built-badly"):
    def build(self, task: Task) -> Any:
        raise KeyError("no weights")


class WatchesBadly(Observer, name="watches-badly"):
    def build(self, task: Task) -> Any:
        raise KeyError("no server")


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"metrics": ["tiny-mean-distance", BuiltBadly()]}, ("metrics", 1), "the metric 'built-badly' cannot be built"),
        ({"observers": [WatchesBadly()]}, ("observers", 0), "the observer 'watches-badly' cannot be built"),
    ],
)
def test_who_looks_on_and_cannot_be_built_is_named(tiny: Tiny, changes: Any, path: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message + ": KeyError: 'no ") as caught:
        tiny(**changes).train()
    assert caught.value.mistakes[0].path == path


class Secretive(Dataset, name="secretive"):
    tell: Callable[[], Any]

    def info(self) -> DatasetInfo:
        return self.tell()


@pytest.mark.parametrize(
    ("tell", "message"),
    [
        (lambda: 1 / 0, "cannot tell of itself: ZeroDivisionError: division by zero"),
        (lambda: {"image": (1, 4, 4)}, "tells of itself by a dict, no DatasetInfo"),
    ],
)
def test_data_that_does_not_tell_of_itself_is_named(tiny: Tiny, tell: Callable[[], Any], message: str) -> None:
    with pytest.raises(DataError, match="the dataset 'secretive' " + message):
        tiny(data=Secretive(tell=tell))


class Dreamer(Generator, name="dreamer"):
    """Fails when it makes samples, from a call on."""

    after: int

    def build(self, task: Task) -> Any:
        image, after = torch.Size(task.image), self.after

        class Network(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.layer = torch.nn.Linear(task.latent, image.numel())
                self.grids = 0

            def forward(s, z: Any, labels: Any) -> Any:
                s.grids += not s.training
                if s.grids > after:
                    raise LookupError("no dream")
                return s.layer(z).tanh().unflatten(1, image)

        return Network()


@pytest.mark.parametrize(("after", "when"), [(0, "before the first step"), (2, "after step 4, which is saved")])
def test_a_generator_that_fails_at_its_samples_is_named_and_costs_no_step(tiny: Tiny, after: int, when: str) -> None:
    run = tiny(generator=Dreamer(after=after), ema=None, output={"checkpoint_every": 100})
    assert failure(run).startswith(
        f"the generator 'dreamer', which makes samples, failed {when}: LookupError: no dream"
    )
    assert not after or saved(run) == 4


@pytest.mark.needs("ganreg-datasets")
def test_sampling_needs_no_data(tiny: Tiny, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for k in range(6):
        Image.new("L", (8, 8), 40 * k).save(pictures / f"{k}.png")
    data = {"name": "image-folder", "folder": pictures, "size": 8, "channels": 1, "cache": tmp_path / "cache"}
    run = tiny(data=data, train={"steps": 2}).train()
    expected = run.sample(3, seed=1)
    shutil.rmtree(pictures)
    shutil.rmtree(tmp_path / "cache")
    loaded = ganreg.load(run.folder)
    assert torch.equal(loaded.sample(3, seed=1), expected)
    with pytest.raises(DataError, match="pictures"):
        loaded.train(resume=True)


def test_data_that_is_drawn_are_the_same_in_all_runs_whatever_their_seed(tiny: Tiny) -> None:
    def pictures(seed: int) -> torch.Tensor:
        torch.rand(seed + 1)
        data = Told(give=lambda: Batch(torch.rand(8, 1, 4, 4)))
        return tiny(data=data, seed=seed).assemble().feed.take(torch.arange(8)).images

    assert torch.equal(pictures(0), pictures(0))
    assert torch.equal(pictures(0), pictures(1))


class Starting(nn.Linear):
    """Starts as its author pleases."""

    def __init__(self, task: Task, draw: Callable[[int], Any]) -> None:
        super().__init__(task.latent, 28 * 28)
        self.weight.data.copy_(torch.as_tensor(draw(self.weight.numel())).view_as(self.weight))

    def forward(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return super().forward(z).tanh().view(-1, 1, 28, 28)


@pytest.mark.parametrize(
    "draw",
    [torch.rand, np.random.standard_normal, lambda count: [random.random() for _ in range(count)]],
    ids=["torch", "numpy", "python"],
)
def test_weights_follow_from_the_seed_whatever_they_are_drawn_from(tiny: Tiny, draw: Callable[[int], Any]) -> None:
    class Pleased(Generator, name="pleased"):
        def build(self, task: Task) -> nn.Module:
            return Starting(task, draw)

    def start(seed: int) -> torch.Tensor:
        before = random.getstate(), np.random.get_state()[2]
        network: Any = tiny(generator=Pleased(), seed=seed).assemble().match.networks["generator"]
        assert before == (random.getstate(), np.random.get_state()[2])
        weight: torch.Tensor = network.weight
        return weight

    assert torch.equal(start(0), start(0))
    assert not torch.equal(start(0), start(1))


def test_a_call_that_python_refuses_is_told_without_a_line_of_pythons(tiny: Tiny) -> None:
    class Deaf(Generator, name="deaf"):
        def build(self, task: Task) -> nn.Module:
            return nn.Sequential(nn.Linear(task.latent, 28 * 28), nn.Unflatten(1, (1, 28, 28)))

    with pytest.raises(SpecError, match="takes 2 positional arguments but 3 were given") as caught:
        tiny(generator=Deaf()).train()
    assert "functools" not in str(caught.value)


@pytest.mark.parametrize("held", ["array", "set", "sparse"])
def test_a_state_that_no_checkpoint_can_hold_ends_the_first_step(tiny: Tiny, held: str) -> None:
    run = tiny(penalties=[OddState(held=held)], output={"checkpoint_every": 100})
    with pytest.raises(
        CheckpointError, match=r"the state 'parts/penalties.odd-state/held' holds a (ndarray|set|sparse)"
    ):
        run.train()
    assert run.training is not None
    assert run.training.match.step_index == 1


def test_a_state_that_cannot_be_taken_names_its_part(tiny: Tiny) -> None:
    run = tiny(penalties=[OddState(held="nothing")], output={"checkpoint_every": 100})
    assert failure(run).startswith("the state_dict of penalties.odd-state failed: ZeroDivisionError")
