"""Steps that are replayed do what others do, bit for bit; what cannot be replayed is found out, and told.

The graphs here are a tape of operations on tensors, for want of CUDA; `test_accelerator.py` has real ones.
"""

import random
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ganreg import Discriminator, Loss, Optimizer, Penalty, Schedule, Task
from ganreg.api import Run
from ganreg.engine import recorder
from ganreg.engine.guards import unsound
from ganreg.engine.match import Match
from ganreg.engine.play import Play
from ganreg.engine.recorder import Recorder
from ganreg.engine.state import same
from ganreg.errors import DivergenceError
from tests.engine.tape import Tape
from tests.engine.test_match import Script

Tiny = Callable[..., Run]


class Fused(Optimizer, name="fused"):
    """Counts its steps beside the weights, as optimizers on a device do."""

    def build(self, task: Task) -> Any:
        def make(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
            given = list(parameters)
            return torch.optim.Adam(given, lr=1e-3, fused=not given[0].is_meta)

        return make


FUSED = {"generator": Fused(), "discriminator": Fused()}
TRANSLATION = {
    "data": "tiny-unpaired",
    "generator": "tiny-translator",
    "discriminator": "tiny-patches",
    "game": "tiny-cyclegan",
    "loss": "tiny-least-squares",
}


@pytest.fixture
def quick(tiny: Tiny) -> Tiny:
    """`tiny` with optimizers whose steps can be replayed."""
    return lambda **changes: tiny(**{"optimizers": FUSED, **changes})


def recording(run: Run) -> tuple[Match, Tape, list[str]]:
    """A match that records its steps, its graphs, and what it says of them."""
    match, tape, said = run.assemble().match, Tape(), list[str]()
    match.guard.deferred = True  # as on a device, where no number is read in the midst of a step
    match.recorder = Recorder(match, tape, said.append)
    return match, tape, said


def beside(run: Run, steps: int = 8) -> tuple[int, list[str]]:
    """How many of the steps are replayed, once they are seen to do what steps do, and what is said."""
    plain = run.assemble().match
    match, tape, said = recording(run)
    for _ in range(steps):
        plain.step()
        match.step()
        assert same(plain.state(), match.state())
    match.guard.check()
    assert not unsound(match.networks)
    return tape.played, said


class Dropping(Discriminator, name="dropping"):
    """Draws from torch's global generator."""

    def build(self, task: Task) -> nn.Module:
        channels, height, width = task.image
        layers = (nn.Flatten(), nn.Linear(channels * height * width, 8), nn.Dropout(0.5), nn.Linear(8, 1))

        class Network(nn.Sequential):
            def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
                return super().forward(images)

        return Network(*layers)


R1 = {"name": "tiny-r1", "weight": 2, "every": 3}
COMPOSITIONS: dict[str, dict[str, Any]] = {
    "alternating": {},
    "simultaneous": {"schedule": "tiny-simultaneous"},
    "conditional": {"conditional": True},
    "ada": {"augment": {"name": "tiny-ada", "initial": 0.5}},
    "extragradient": {"schedule": "tiny-extragradient"},
    "latent": {"schedule": "tiny-logan", "penalties": ["tiny-latent-step"]},
    "path-length": {"generator": "tiny-mapped", "penalties": [{"name": "tiny-path-length", "every": 2}]},
    "clipped": {"train": {"clip": 0.1, "accumulate": 2}},
    "half": {"train": {"precision": "bf16"}},
    "dropout": {"discriminator": Dropping()},
    "uniform": {"latent": {"size": 8, "distribution": "uniform"}},
    "encoder": {"game": "tiny-bigan", "encoder": "tiny-encoder", "discriminator": "tiny-pairs"},
    "translation": TRANSLATION,
}


@pytest.mark.parametrize("changes", COMPOSITIONS.values(), ids=COMPOSITIONS)
def test_replayed_steps_do_what_steps_do(quick: Tiny, changes: dict[str, Any]) -> None:
    run = quick(**changes)
    assert beside(run) == (5, ["steps are replayed from step 5 on"])


def test_steps_with_other_penalties_are_other_recordings(quick: Tiny) -> None:
    match, tape, said = recording(quick(penalties=[R1]))
    plain = quick(penalties=[R1]).assemble().match
    terms = []
    for _ in range(12):
        plain.step()
        match.step()
        assert same(plain.state(), match.state())
        terms.append(float(match.terms["discriminator/tiny-r1"]))
    # Steps 4 and 5, of which one has the penalty, are recorded and replayed once to be compared.
    assert (tape.played, said) == (9, ["steps are replayed from step 5 on"])
    assert len(set(terms)) == 4


def test_what_is_due_in_a_later_turn_of_a_step_makes_another_recording(quick: Tiny) -> None:
    schedule = {"name": "tiny-alternating", "discriminator_steps": 2}
    played, _ = beside(quick(schedule=schedule, penalties=[R1]), 12)
    assert played == 9, "three are recorded, and replayed to be compared"


def test_beyond_so_many_recordings_steps_are_played(quick: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MOST", 1)
    run = quick(penalties=[{"name": "tiny-r1", "every": 2}, {"name": "tiny-r1", "every": 3}])
    # Of steps 4 to 12 the fourth is recorded and replayed to be compared; in the tenth alone the same is due.
    assert beside(run, 12) == (2, ["steps are replayed from step 5 on"])


def test_a_term_that_is_not_finite_is_told_with_its_step(quick: Tiny) -> None:
    class Spoiling(Penalty, name="spoiling"):
        """Is not finite once the weights are spoiled."""

        def __call__(self, play: Play) -> Tensor:
            return 0 * play.parameters()[0].sum()

    match, _, _ = recording(quick(penalties=[Spoiling()]))
    for step in range(8):
        if step == 6:
            with torch.no_grad():
                match.player("discriminator").parameters[0].fill_(torch.inf)
        match.step()
    with pytest.raises(DivergenceError, match="step 7, the discriminator's turn: the term"):
        match.guard.check()


def test_what_is_loaded_is_recorded_anew(quick: Tiny) -> None:
    run = quick()
    plain = run.assemble().match
    match, tape, said = recording(run)
    for step in range(12):
        plain.step()
        if step < 6:
            match.step()
        if step == 5:
            match.load(deepcopy(plain.state()))
        if step > 5:
            match.step()
            assert same(plain.state(), match.state())
    assert (tape.played, said) == (3 + 3, ["steps are replayed from step 5 on", "steps are replayed from step 11 on"])


# What cannot be replayed.


class Watching(Penalty, name="watching"):
    """Looks on, as a test says."""

    see: Callable[[Play], Any]

    def after_update(self, play: Play) -> None:
        self.see(play)


class Counting(Loss, name="counting"):
    """Hinge, and something else in every second turn, by a count on the host, which checkpoints hold or not."""

    saved: bool = True

    def build(self, task: Task) -> Any:
        return Counted() if self.saved else Forgetful()


class Forgetful:
    """Counts, and tells no checkpoint."""

    def __init__(self) -> None:
        self.count = 0

    def discriminator(self, real: Any, fake: Any) -> Tensor:
        self.count += 1
        factor = 1 + self.count % 2
        return factor * ((1 - real.logits).relu().mean() + (1 + fake.logits).relu().mean())

    def generator(self, real: Any, fake: Any) -> Tensor:
        return -fake.logits.mean()


class Counted(Forgetful):
    """The same with a state."""

    def state_dict(self) -> dict[str, int]:
        return {"count": self.count}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.count = state["count"]


class Leaning(Penalty, name="leaning"):
    """Has another object count."""

    def build(self, task: Task) -> Any:
        return Leaner()


class Leaner:
    """What `leaning` builds."""

    def __init__(self) -> None:
        self.helper = Forgetful()

    def __call__(self, play: Play) -> Tensor:
        return 0 * self.helper.discriminator(play.real_output, play.fake_output)


class Pooling(Penalty, name="pooling"):
    """Keeps what it has seen in a list."""

    def build(self, task: Task) -> Any:
        return Pool()


class Pool:
    """What `pooling` builds."""

    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def __call__(self, play: Play) -> Tensor:
        self.seen.append(play.real.detach())
        return play.real_output.logits.mean() * 0


class Closing(Penalty, name="closing"):
    """Counts in a variable around it."""

    def build(self, task: Task) -> Any:
        count = 0

        def penalty(play: Play) -> Tensor:
            nonlocal count
            count += 1
            return play.real_output.logits.mean() * (count % 2)

        return penalty


class Halving(Schedule, name="halving"):
    """Learns half as fast after each step."""

    def step(self, game: Match) -> None:
        for player in game.players:
            game.update(player)
            for group in game.player(player).optimizer.param_groups:
                group["lr"] /= 2


class Momentum(Optimizer, name="momentum"):
    """Keeps its velocity in another tensor after each step."""

    def build(self, task: Task) -> Any:
        return Moving


class Moving(torch.optim.Optimizer):
    """What `momentum` builds."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, {"lr": 0.01})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for parameter in self.param_groups[0]["params"]:
            state = self.state[parameter]
            state["velocity"] = 0.9 * state.get("velocity", 0) + parameter.grad
            parameter -= 0.01 * state["velocity"]


class Torchs(Optimizer, name="torchs"):
    """One of torch's own."""

    optimizer: str

    def build(self, task: Task) -> Any:
        return getattr(torch.optim, self.optimizer)


def curve(game: Match) -> None:
    for player in game.players:
        game.objective(player)()
        game.update(player)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "step": ({"penalties": [Watching(see=lambda play: play.step)]}, "tests.engine.test_recorder reads play.step"),
    "updates": ({"penalties": [Watching(see=lambda play: play.updates)]}, "test_recorder reads play.updates"),
    "schedule": (
        {"schedule": Script(verbs=lambda game: game.update(game.players[game.step_index % 2]))},
        "reads match.",
    ),
    "number": (
        {"penalties": [Watching(see=lambda play: float(play.real.mean()))]},
        "test_recorder does '_local_scalar_dense', for which host and device wait",
    ),
    "random": ({"penalties": [Watching(see=lambda play: random.random())]}, "draws random numbers on the host"),
    "numpy's": ({"penalties": [Watching(see=lambda play: np.random.rand())]}, "draws random numbers on the host"),
    "count": ({"loss": Counting()}, "'parts/loss/count' changes on the host"),
    "hidden count": ({"loss": Counting(saved=False)}, "'loss.count' changes on the host"),
    "hidden in another": ({"penalties": [Leaning()]}, "'penalties.leaning.helper.count' changes on the host"),
    "hidden list": ({"penalties": [Pooling()]}, "'penalties.pooling.seen.3' changes on the host"),
    "hidden variable": ({"penalties": [Closing()]}, "'penalties.closing.count' changes on the host"),
    "rate": ({"schedule": Halving()}, "'optimizers/generator/param_groups/0/lr' changes on the host"),
    "tensor": (
        {"optimizers": {"generator": Momentum(), "discriminator": Fused()}},
        "'optimizers/generator/state/0/velocity' is another tensor after each step",
    ),
    "optimizer": (
        {"optimizers": {"generator": Torchs(optimizer="Adagrad"), "discriminator": Fused()}},
        "torch.optim.adagrad does '_local_scalar_dense', for which host and device wait",
    ),
    "objective": ({"schedule": Script(verbs=curve)}, "an objective keys the global generators itself"),
}


@pytest.mark.parametrize(("changes", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_replayed_is_played(quick: Tiny, changes: dict[str, Any], reason: str) -> None:
    played, said = beside(quick(**changes))
    assert played == 0
    (sentence,) = said
    assert sentence.startswith("steps are not replayed: ")
    assert reason in sentence


def test_other_random_numbers_in_each_step_are_not_replayed(quick: Tiny) -> None:
    asked = iter(range(1, 99))
    run = quick(penalties=[Watching(see=lambda play: play.random("some").normal(next(asked)))])
    played, said = beside(run)
    assert (played, said) == (0, ["steps are not replayed: other random numbers are asked for 'some' in each step"])


def test_a_replay_that_does_something_else_is_found_out(quick: Tiny) -> None:
    hidden = iter(range(99))

    def turn(play: Play) -> None:
        with torch.no_grad():  # where the weights go is told by what no engine sees
            play.parameters()[0].add_(next(hidden) % 3)

    run = quick(penalties=[Watching(see=turn)])
    match, tape, said = recording(run)
    for _ in range(6):
        match.step()
    assert (tape.played, said) == (1, ["steps are not replayed: the networks come out otherwise in a replay"])


@pytest.mark.parametrize("optimizer", ["AdamW", "NAdam"])
@pytest.mark.parametrize(
    ("see", "reason"),
    [(lambda play: float(play.real.mean()), "'_local_scalar_dense'"), (lambda play: None, "AssertionError: If captur")],
    ids=["before it is recorded", "while it is recorded"],
)
def test_optimizers_count_where_they_did_once_steps_are_refused(
    tiny: Tiny, optimizer: str, see: Callable[[Play], Any], reason: str
) -> None:
    """Torch's would read in each step what they count on a device, and wait for it."""
    both = {"generator": Torchs(optimizer=optimizer), "discriminator": Torchs(optimizer=optimizer)}
    run = tiny(optimizers=both, penalties=[Watching(see=see)])
    plain, (match, _, said) = run.assemble().match, recording(run)
    match.device = torch.device("cpu:0")  # where what is on "cpu" is copied to, as to any other device
    places = []
    for _ in range(6):
        plain.step()
        match.step()
        places.append([id(counter) for counter in counters(match)])
    assert reason in said[0]
    assert places[0]
    assert places[0] == places[-1]
    assert same(plain.state(), match.state())


def counters(match: Match) -> list[Tensor]:
    """What the optimizers of a match hold that is one number."""
    states = [values for name in match.players for values in match.player(name).optimizer.state.values()]
    return [value for values in states for value in values.values() if isinstance(value, Tensor) and value.dim() == 0]


def test_a_run_without_cuda_says_that_nothing_is_replayed(tiny: Tiny) -> None:
    said: list[str] = []
    tiny(train={"cuda_graphs": True, "steps": 1}).train(say=said.append)
    assert said == ["steps are not replayed: CUDA graphs are for CUDA, and this run is on cpu"]
