"""A dataset of known numbers, and real matches to play on it."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

from ganreg import Batch, Dataset, Discriminator, Generator, Loss, Task, compose
from ganreg.assembly import assemble
from ganreg.engine.feed import Feed
from ganreg.engine.match import Match
from ganreg.engine.play import Play
from ganreg.engine.rows import Rows
from ganreg.spec.compatibility import task_of
from ganreg.task import DatasetInfo

CPU = torch.device("cpu")


class Pictures(Dataset, name="pictures"):
    """Pictures of random numbers or of one value; in float64, so that formulas can be checked."""

    image: tuple[int, int, int] = (1, 4, 4)
    count: int = 12
    value: float | None = None
    classes: int | None = None
    single: bool = False

    def info(self) -> DatasetInfo:
        names = None if self.classes is None else tuple(map(str, range(self.classes)))
        return DatasetInfo(self.image, self.count, names)

    def build(self, task: Task) -> Batch:
        numbers = torch.Generator().manual_seed(7)
        size = (self.count, *self.image)
        images = torch.rand(size, generator=numbers, dtype=torch.float64) * 2 - 1
        if self.value is not None:
            images = torch.full(size, self.value, dtype=torch.float64)
        images = images.float() if self.single else images
        return Batch(images, None if self.classes is None else torch.arange(self.count) % self.classes)


class Constant(Generator, name="constant"):
    """Makes pictures of one learned value, in float64."""

    value: float = 0.5

    def build(self, task: Task) -> nn.Module:
        return ConstantNetwork(task.image, self.value)


class ConstantNetwork(nn.Module):
    def __init__(self, image: tuple[int, int, int], value: float) -> None:
        super().__init__()
        self.image = image
        self.value = nn.Parameter(torch.tensor(value, dtype=torch.float64))

    def forward(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return self.value.expand(len(z), *self.image)


class Linear(Discriminator, name="linear"):
    """D(x) = w·x, every entry of w having one value; in a conditional run w_y. In float64."""

    weight: float = 0.25

    def build(self, task: Task) -> nn.Module:
        return LinearNetwork(task.image, self.weight, task.classes)


class LinearNetwork(nn.Module):
    def __init__(self, image: tuple[int, int, int], weight: float, classes: int | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((classes or 1, *image), weight, dtype=torch.float64))

    def forward(self, images: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return (self.weight[0 if labels is None else labels] * images).flatten(1).sum(dim=1)


class Critic(Loss, name="critic"):
    """The Wasserstein loss, so that the tests of one part do not hang on another."""

    def discriminator(self, real, fake):
        return fake.logits.mean() - real.logits.mean()

    def generator(self, real, fake):
        return -fake.logits.mean()


@pytest.fixture
def pictures() -> type[Pictures]:
    return Pictures


@pytest.fixture
def constant() -> type[Constant]:
    return Constant


@pytest.fixture
def linear() -> type[Linear]:
    return Linear


@pytest.fixture
def leaves() -> Callable[[nn.Module], list[nn.Module]]:
    """torch's own layers of a network, in order."""
    return lambda network: [
        m for m in network.modules() if type(m).__module__.startswith("torch.nn") and not list(m.children())
    ]


@pytest.fixture
def make_match() -> Callable[..., Match]:
    """Assembles the match of a spec; by default of a constant generator against a linear discriminator."""

    def make(**changes) -> Match:
        spec = {
            "data": Pictures(),
            "generator": Constant(),
            "discriminator": Linear(),
            "loss": Critic(),
            "latent": 4,
            "train": {"batch_size": 4, "device": "cpu"},
            **changes,
        }
        run = compose(**spec)
        task = task_of(run.spec, run.spec.data.info())
        batches = Feed(
            run.spec.data.build(task), run.spec.train.batch_size, run.spec.seed, CPU, labels=task.classes is not None
        )
        return Match(run.spec, assemble(run.spec, task, CPU), batches, CPU)

    return make


@pytest.fixture
def make_play(make_match: Callable[..., Match]) -> Callable[..., Play]:
    """The first turn of a player, of four pictures, in the match of a spec."""

    def make(player: str = "discriminator", **changes) -> Play:
        match = make_match(**changes)
        feed = Feed(match.spec.data.build(match.parts.task), 4, 0, CPU, labels=match.parts.task.classes is not None)
        return Play(match, player, 0, partial(feed.batch, 0), Rows(slice(0, 4), 4))

    return make
