"""Numbers that are not finite: who is named, what has moved, and going back."""

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganreg import Dataset, Discriminator, Optimizer, Penalty, Task
from ganreg.api import Run
from ganreg.batch import Batch
from ganreg.engine import guards
from ganreg.engine.checkpoints import Checkpoints
from ganreg.engine.folder import records
from ganreg.engine.guards import Guard
from ganreg.engine.play import Play
from ganreg.errors import DivergenceError
from ganreg.task import DatasetInfo

Tiny = Callable[..., Run]


class Rows:
    """Pictures by index, of which the first ones alone are looked at."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Tensor) -> Batch:
        return Batch(self.images[indices])


class Pictures(Dataset, name="pictures"):
    """Noise, with one number that is not finite in the whole set."""

    def info(self) -> DatasetInfo:
        return DatasetInfo(image=(1, 4, 4), count=40)

    def build(self, task: Task) -> Any:
        images = torch.rand(40, 1, 4, 4)
        images[30, 0, 0, 0] = math.inf
        return Rows(images)


class FlatGradient(torch.autograd.Function):
    """The identity, with a gradient that is not finite."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * math.nan


class Spoiled(Penalty, name="spoiled"):
    """Spoils one thing at one step: a weight, a buffer, a term, a gradient alone, or its norm."""

    what: str
    at: int = 2

    def __call__(self, play: Play) -> Tensor | None:
        if play.step != self.at:
            return None
        if self.what == "term":
            return play.fake_output.logits.mean() * math.nan
        if self.what == "gradient":
            return FlatGradient.apply(play.fake_output.logits.mean())
        if self.what == "constant":
            return play.fake_output.logits.mean() + math.nan
        if self.what == "norm":
            return play.fake_output.logits.mean() * 1e30  # whose square no float32 holds
        with torch.no_grad():
            if self.what == "weight":
                next(play.networks["discriminator"].parameters()).data[0, 0] = math.nan
            else:
                next(iter(play.networks["generator"].buffers())).fill_(math.inf)
        return play.fake_output.logits.mean() * 0


def divergence(run: Run) -> str:
    with pytest.raises(DivergenceError) as caught:
        run.train()
    assert caught.value.exit_code == 7
    return str(caught.value)


def test_data_is_named(tiny: Tiny) -> None:
    message = divergence(tiny(data=Pictures(), train={"batch_size": 40}))
    assert message == "step 1, the discriminator's turn: a real picture of the discriminator's batch is not finite"


@pytest.mark.parametrize(
    ("what", "named"),
    [
        ("term", "the term 'spoiled'"),
        ("gradient", "the gradient of 'discriminator."),
        ("norm", "the norm of the gradient is not finite"),
        ("constant", "the term 'spoiled' is not finite"),
        ("weight", "'body.0.weight' of the network 'discriminator'"),
        ("buffer", "after step 3: 'norm.running_mean' of the generator's network 'generator' is not finite"),
    ],
)
def test_what_is_not_finite_is_named_and_no_weight_has_moved(tiny: Tiny, what: str, named: str) -> None:
    generator = {"name": "tiny-generator", "normalized": True}
    output = {"checkpoint_every": 1, "log_every": 100, "keep": 9}
    run = tiny(generator=generator, penalties=[Spoiled(what=what)], output=output)
    message = divergence(run)
    assert named in message
    assert what == "buffer" or message.startswith("step 3, the ")
    state, skipped = Checkpoints(run.folder / "checkpoints", 9).newest()
    assert (state["step"], skipped) == (2, [])
    assert run.training is not None
    if what in ("term", "gradient", "norm", "constant"):
        saved = state["networks"]["discriminator"]
        now = run.training.match.networks["discriminator"].state_dict()
        assert all(torch.equal(saved[key], now[key]) for key in saved)


class Fourier(Discriminator, name="fourier"):
    """A linear layer on a spectrum that it weighs by complex numbers; these or a buffer are spoiled once."""

    what: str
    at: int = 5

    def build(self, task: Task) -> nn.Module:
        what, at, image = self.what, self.at, task.image

        class Network(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.weight = nn.Parameter(torch.ones(image, dtype=torch.complex64))
                self.register_buffer("seen", torch.zeros(3, dtype=torch.complex64))
                self.last = nn.Linear(math.prod(image), 1)
                self.calls = 0

            def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
                logits: Tensor = self.last(torch.fft.ifft2(torch.fft.fft2(images) * self.weight).real.flatten(1))
                self.calls += 1
                if self.calls == at:
                    value = {"weight": self.weight, "buffer": self.seen}[what]
                    value.data.view(-1)[0] = complex(0, math.nan)
                return logits

        return Network()


@pytest.mark.parametrize(("what", "named"), [("buffer", "'seen' of the discriminator's"), ("weight", "'weight' of")])
def test_complex_numbers_count(tiny: Tiny, what: str, named: str) -> None:
    """Only in a complex weight does a NaN tell of itself in the next loss; a buffer nobody reads."""
    output = {"checkpoint_every": 1, "log_every": 100}
    run = tiny(discriminator=Fourier(what=what), penalties=[], ema=None, output=output)
    assert named in divergence(run)
    state, _ = Checkpoints(run.folder / "checkpoints", 9).newest()
    assert all(torch.isfinite(value).all() for value in state["networks"]["discriminator"].values())


class NoiseTrap(Penalty, name="noise-trap"):
    """Not finite at step 3 in the first attempts alone: it knows them by what is drawn."""

    bad: tuple[float, ...]
    of: str = "noise"

    def __call__(self, play: Play) -> Tensor | None:
        if play.z.device.type == "meta":
            return None
        drawn = {
            "noise": lambda: play.z[0],
            "part": lambda: play.random("trap").uniform(1),
            "global": lambda: torch.rand(1),
        }
        caught = play.step == 2 and round(float(drawn[self.of]()[0]), 6) in self.bad
        return play.fake_output.logits.mean() * (math.nan if caught else 0.0)


def drawn(run: Run, of: str, attempt: int) -> float:
    """What the trap sees at step 3."""
    match = run.assemble().match
    match.attempt = attempt
    assert torch.equal(match.noise(4, "samples"), run.assemble().match.noise(4, "samples")), "pictures stay comparable"
    match.step_index = 2
    match.rekey()
    part = match.sources.stream("trap", 2, "discriminator", 0, 1)
    seen = {"noise": match.sources.noise_of_turn(2, 0)[0], "part": part.uniform(1), "global": torch.rand(1)}
    return round(float(seen[of][0]), 6)


@pytest.mark.parametrize("of", ["noise", "part", "global"])
@pytest.mark.parametrize("device", [False, True], ids=["at once", "as on a device"])
def test_a_run_goes_back_with_other_noise_and_gets_past(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch, device: bool, of: str
) -> None:
    monkeypatch.setattr("ganreg.engine.match.Guard", lambda *, deferred: Guard(deferred=deferred or device))
    trap = NoiseTrap(of=of, bad=tuple(drawn(tiny(name="probe"), of, attempt) for attempt in (0, 1)))
    rollback = {"nonfinite": "rollback", "steps": 4}
    run = tiny(penalties=[trap], train=rollback, output={"checkpoint_every": 1}).train()
    log = records(run.folder / "log.jsonl")
    assert [(r["step"], r["rollback"]) for r in log if "rollback" in r] == [(2, 1), (2, 2)]
    assert "step 3, the discriminator's turn: the term 'noise-trap'" in log[2]["because"]
    assert [r["step"] for r in log if "losses" in r] == [1, 2, 3, 4]
    assert run.training is not None
    assert run.training.match.attempt == 2


def test_a_damaged_checkpoint_is_told_by_a_run_that_goes_back_past_it(tiny: Tiny) -> None:
    trap = NoiseTrap(bad=(drawn(tiny(name="probe"), "noise", 0),))
    run = tiny(penalties=[trap], train={"nonfinite": "rollback", "steps": 3}, output={"checkpoint_every": 1})
    newest = run.folder / "checkpoints" / "00000002"

    def damage(step: int) -> None:
        while step == 2 and not newest.exists():  # it is being written
            time.sleep(0.01)
        (newest / "state.json").unlink(missing_ok=True)

    said: list[str] = []
    run.train(tick=damage, say=said.append)
    assert [line for line in said if line.startswith(f"skipped: checkpoint {newest} is incomplete")]
    assert [r["step"] for r in records(run.folder / "log.jsonl") if "rollback" in r] == [1]


def test_going_back_has_an_end(tiny: Tiny) -> None:
    run = tiny(
        penalties=[Spoiled(what="term")],
        train={"nonfinite": "rollback", "rollbacks": 2},
        output={"checkpoint_every": 1},
    )
    assert "the term 'spoiled' is not finite; gone back 2 times" in divergence(run)
    assert [r["rollback"] for r in records(run.folder / "log.jsonl") if "rollback" in r] == [1, 2]


def test_there_is_no_going_back_without_a_checkpoint(tiny: Tiny) -> None:
    divergence(tiny(penalties=[Spoiled(what="term")], train={"nonfinite": "rollback"}, output={"checkpoint_every": 9}))


class Swelling(torch.optim.SGD):
    """Whose momentum of the last weight is not finite from the third step on, while the weight is."""

    def step(self, closure: Any = None) -> None:
        super().step(closure)
        *_, last = self.state.values()
        last["steps"] = last.get("steps", 0) + 1
        if last["steps"] == 3:
            last["momentum_buffer"].view(-1)[0] = math.inf


class SwellingOptimizer(Optimizer, name="swelling"):
    """Makes one of those."""

    def build(self, task: Task) -> Any:
        return partial(Swelling, lr=1e-4, momentum=0.9)


def test_an_optimizers_state_is_looked_at_before_it_is_saved(tiny: Tiny) -> None:
    optimizers = {"generator": SwellingOptimizer(), "discriminator": "tiny-sgd"}
    run = tiny(optimizers=optimizers, output={"checkpoint_every": 1, "keep": 9})
    name = "'generator.rest.2.bias.momentum_buffer'"
    assert divergence(run) == f"after step 3: {name} in the state of the generator's optimizer is not finite"
    assert Checkpoints(run.folder / "checkpoints", 9).newest()[0]["step"] == 2


class Remembering(Penalty, name="remembering"):
    """No term, but a number to remember from some step on."""

    number: float
    at: int = 2

    def build(self, task: Task) -> Any:
        return Memory(self.number, self.at)


class Memory(nn.Module):
    best: Tensor

    def __init__(self, number: float, at: int) -> None:
        super().__init__()
        self.number, self.at = number, at
        self.register_buffer("best", torch.zeros(()))

    def forward(self, play: Play) -> None:
        """No term."""

    def after_update(self, play: Play) -> None:
        if play.step == self.at:
            self.best.fill_(self.number)


def test_a_part_that_remembers_what_is_no_number_is_named(tiny: Tiny) -> None:
    run = tiny(penalties=[Remembering(number=math.nan)], output={"checkpoint_every": 1, "keep": 9})
    assert divergence(run) == "after step 3: 'best' in the state of penalties.remembering is not a number"
    assert Checkpoints(run.folder / "checkpoints", 9).newest()[0]["step"] == 2


def test_a_part_may_remember_that_nothing_was_best_yet(tiny: Tiny) -> None:
    run = tiny(penalties=[Remembering(number=math.inf)], output={"checkpoint_every": 1}).train()
    state, _ = Checkpoints(run.folder / "checkpoints", 1).newest()
    assert state["step"] == 6
    assert state["parts"]["penalties.remembering"]["best"] == math.inf


def test_an_average_is_named_with_its_owner(tiny: Tiny) -> None:
    run = tiny(ema={"decay": 0.5}, penalties=[SpoiledAverage()], output={"checkpoint_every": 1})
    told = "of the moving average of the generator's network 'generator' is not finite"
    assert divergence(run).startswith("after step 3: 'dense.weight' " + told)


class SpoiledAverage(Penalty, name="spoiled-average"):
    """Reaches into the engine, as nobody should."""

    def after_update(self, play: Play) -> None:
        if play.step == 2 and play.player == "generator":
            averages: Any = play._match.ema
            averages.networks["generator"].dense.weight.data.fill_(math.nan)


def test_other_devices_remember_the_first_bad_step_until_they_are_asked() -> None:
    guard = Guard(deferred=True)
    for step, value in enumerate([1.0, math.nan, math.inf, 2.0]):
        guard.see(step, [("generator/loss", torch.tensor(value)), ("discriminator/loss", torch.tensor(0.0))])
    with pytest.raises(DivergenceError, match="step 2, the generator's turn: the term 'loss'"):
        guard.check()
    guard.forget()
    guard.check()


def test_numbers_of_a_device_are_read_before_they_are_very_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "MANY", 4)
    guard = Guard(deferred=True)
    guard.see(0, [("generator/loss", torch.tensor(math.nan))])
    with pytest.raises(DivergenceError, match="step 1, the generator's turn: the term 'loss'"):
        guard.see(1, [("generator/loss", torch.tensor(0.0))] * 3)
