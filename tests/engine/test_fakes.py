"""A turn's batch is read once, its pictures made once, and that only where they are what would be made again."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import pytest
import torch

from ganreg import Batch, Dataset, Discriminator, Generator, Loss, Optimizer, Penalty, Schedule
from ganreg.api import Run
from ganreg.engine.match import Match
from ganreg.task import DatasetInfo
from tests.conftest import go_on_alike

Tiny = Callable[..., Run]
Verbs = tuple[tuple[str, str], ...]


class Verbal(Schedule, name="verbal"):
    """Plays what it is given: pairs of a verb and a player."""

    verbs: Verbs
    shared: int

    @property
    def shared_turns(self) -> int:  # type: ignore[override]
        return self.shared

    def step(self, game: Match) -> None:
        for verb, player in self.verbs:
            getattr(game, verb)(player)


class Fused(Optimizer, name="fused"):
    """Moves weights without counting up their version, which autograd and others go by."""

    def build(self, task: Any) -> Any:
        return partial(torch.optim.SGD, lr=0.1, fused=True)


def forwards(
    tiny: Tiny, verbs: Verbs, shared: int = 1, steps: int = 2, **changes: Any
) -> tuple[int, list[torch.Tensor]]:
    """Forwards of the generator in the last of some steps, and the weights that they lead to."""
    match = tiny(schedule=Verbal(verbs=verbs, shared=shared), **changes).assemble().match
    count = 0

    def seen(*_: object) -> None:
        nonlocal count
        count += 1

    for step in range(steps):
        if step == steps - 1:
            match.networks["generator"].register_forward_hook(seen)
        match.step()
    return count, [p.detach().clone() for network in match.networks.values() for p in network.parameters()]


class Writes(torch.nn.Linear):
    def forward(self, images: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return super().forward(images.mul_(0.5).flatten(1))


class Plain(torch.nn.Linear):
    def forward(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return super().forward(z).view(-1, 1, 28, 28)


class Linear(Generator, name="linear"):
    """Keeps nothing of its pictures for the backward pass."""

    def build(self, task: Any) -> torch.nn.Module:
        return Plain(task.latent, 784)


class Rude(Discriminator, name="rude"):
    """Writes into the pictures that it is given."""

    def build(self, task: Any) -> torch.nn.Module:
        return Writes(784, 1)


IN_TURN: Verbs = (("update", "discriminator"), ("update", "generator"))
TOGETHER: Verbs = tuple((verb, player) for verb in ("gradients", "apply") for player in ("generator", "discriminator"))


@pytest.mark.parametrize(
    ("verbs", "shared", "count"),
    [
        (IN_TURN, 1, 1),
        (IN_TURN, 0, 2),
        (IN_TURN[::-1], 1, 2),
        (TOGETHER, 0, 1),
        ((IN_TURN[0], *IN_TURN), 1, 2),
        ((*IN_TURN, *IN_TURN), 2, 2),
        ((*IN_TURN, IN_TURN[1]), 1, 2),
    ],
    ids=["in turn", "undeclared", "generator first", "together", "two critics", "twice", "two generators"],
)
def test_no_forward_is_done_twice(tiny: Tiny, verbs: Verbs, shared: int, count: int) -> None:
    assert forwards(tiny, verbs, shared)[0] == count


@pytest.mark.parametrize(
    "changes", [{}, {"conditional": True}, {"penalties": ["tiny-r1"]}, {"loss": "tiny-relativistic"}]
)
def test_what_is_made_once_trains_as_what_is_made_twice(tiny: Tiny, changes: dict[str, Any]) -> None:
    for verbs in (IN_TURN, (IN_TURN[0], *IN_TURN)):
        (_, once), (_, twice) = (forwards(tiny, verbs, shared, steps=3, **changes) for shared in (1, 0))
        assert all(map(torch.equal, once, twice))


def test_a_spec_may_ask_for_less_memory_instead(tiny: Tiny) -> None:
    """What costs none is made once all the same."""
    few = {"train": {"reuse_fakes": False}}
    assert forwards(tiny, IN_TURN, **few)[0] == 2
    assert forwards(tiny, TOGETHER, 0, **few)[0] == 1
    assert all(map(torch.equal, forwards(tiny, IN_TURN, **few)[1], forwards(tiny, IN_TURN)[1]))


def test_parts_of_a_batch_are_made_for_each_turn(tiny: Tiny) -> None:
    assert forwards(tiny, IN_TURN, train={"accumulate": 2})[0] == 4


def test_a_generator_that_has_moved_makes_others(tiny: Tiny) -> None:
    verbs: Verbs = (("gradients", "discriminator"), *IN_TURN[::-1])
    (thrice, reference), (twice, weights) = (forwards(tiny, verbs, shared, steps=3) for shared in (0, 1))
    assert (thrice, twice) == (3, 2)
    assert all(map(torch.equal, weights, reference))


def test_a_generator_moved_by_a_kernel_of_its_own_makes_others(tiny: Tiny) -> None:
    optimizers = dict.fromkeys(("generator", "discriminator"), Fused())
    assert forwards(tiny, IN_TURN[::-1], optimizers=optimizers)[0] == 2


class Objectives(Schedule, name="objectives"):
    """Differentiates the discriminator's loss by all weights, after the turns of the same number."""

    def step(self, game: Match) -> None:
        for player in ("discriminator", "generator"):
            game.gradients(player)
        losses = [game.objective(player) for player in ("discriminator", "generator")]
        for loss in [*losses, *losses]:
            # Raises where a weight has no part in it, or where it is made of a graph that is gone.
            torch.autograd.grad(loss(), [p for player in game.players for p in game.player(player).parameters])


def test_an_objective_has_the_graph_of_everybody_each_time(tiny: Tiny) -> None:
    match = tiny(schedule=Objectives()).assemble().match
    match.step()
    assert all(p.requires_grad for player in match.players for p in match.player(player).parameters)


class Register(Dataset, name="register"):
    """Twenty pictures, all batches in one tensor, and a list of the rows that were asked for."""

    asked: ClassVar[list[list[int]]] = []
    filled: ClassVar[torch.Tensor] = torch.empty(20, 1, 28, 28)

    def info(self) -> DatasetInfo:
        return DatasetInfo(image=(1, 28, 28), count=20, classes=tuple("0123456789"))

    def build(self, task: Any) -> Any:
        return self

    def __len__(self) -> int:
        return 20

    def batch(self, indices: torch.Tensor) -> Batch:
        self.asked.append(indices.tolist())
        images = self.filled[: len(indices)]  # the same tensor each time
        images.copy_(indices.view(-1, 1, 1, 1).div(20))
        return Batch(images, indices % 10)


class Reader(Penalty, name="reader"):
    """Notes the rows that each player sees."""

    seen: ClassVar[list[list[int]]] = []

    def __call__(self, play: Any) -> None:
        self.seen.append(play.pictures.mul(20).round().long()[:, 0, 0, 0].tolist())


class Peer(Reader, name="peer"):
    """The same of the generator."""

    player = "generator"


@pytest.mark.parametrize("shared", [0, 1, 2])
def test_players_share_the_batches_that_they_read(tiny: Tiny, shared: int) -> None:
    twice = (("update", "discriminator"),) * 2 + (("update", "generator"),) * 2
    schedule = Verbal(verbs=twice, shared=shared)
    match = tiny(data=Register(), conditional=True, schedule=schedule, penalties=[Reader(), Peer()]).assemble().match
    Register.asked.clear()
    Reader.seen.clear()
    match.step()
    turns = Register.asked[:2]
    assert Register.asked == turns + turns[shared:]
    assert Reader.seen == turns + turns
    assert turns[0] != turns[1]
    Register.asked.clear()
    match.step()
    assert not {*map(tuple, Register.asked)} & {*map(tuple, turns)}


def test_pictures_that_the_discriminator_has_written_into_are_made_again(tiny: Tiny) -> None:
    parts = {"generator": Linear(), "discriminator": Rude()}
    found = [forwards(tiny, IN_TURN, **parts, train={"reuse_fakes": reuse}) for reuse in (True, False)]
    assert found[0][0] == 2
    for mine, theirs in zip(found[0][1], found[1][1], strict=True):
        assert torch.equal(mine, theirs)


class Relative(Loss, name="relative"):
    """Reads the real side in the generator's turn too."""

    generator_uses_real = True

    def discriminator(self, real: Any, fake: Any) -> torch.Tensor:
        return (fake.logits - real.logits).mean().exp()

    def generator(self, real: Any, fake: Any) -> torch.Tensor:
        return (real.logits - fake.logits).mean().exp()


def test_real_pictures_that_a_turn_has_written_into_are_read_again(tiny: Tiny) -> None:
    """So both players see the same ones, as where no batch is shared."""
    parts = {"generator": Linear(), "discriminator": Rude(), "loss": Relative()}
    shared, apart = (forwards(tiny, IN_TURN, shared=turns, **parts)[1] for turns in (1, 0))
    for mine, theirs in zip(shared, apart, strict=True):
        assert torch.equal(mine, theirs)


class Coordinates(torch.nn.Module):
    """Has coordinates of pixels as `meshgrid` gives them: rows that are one row in the memory."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(latent, 784)
        across, down = torch.meshgrid(torch.linspace(-1, 1, 28), torch.linspace(-1, 1, 28), indexing="xy")
        self.register_buffer("across", across)
        self.register_buffer("down", down)

    def forward(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        pictures: torch.Tensor = (self.linear(z).view(-1, 1, 28, 28) + self.across * self.down).tanh()
        return pictures


class Placing(Generator, name="placing"):
    def build(self, task: Any) -> torch.nn.Module:
        return Coordinates(task.latent)


def test_buffers_that_repeat_their_numbers_are_followed_saved_and_loaded(tiny: Tiny) -> None:
    whole, stopped = (tiny(name=name, generator=Placing()) for name in ("whole", "stopped"))
    go_on_alike(whole, stopped)
