"""Pictures of known numbers, the random numbers that a part draws, and real matches."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from ganreg import Batch, Dataset, Discriminator, Generator, Task, compose
from ganreg.engine.match import Match
from ganreg.engine.streams import Stream
from ganreg.task import DatasetInfo

# On pictures as small as these, threads would only wait for each other.
torch.set_num_threads(1)


class Pictures(Dataset, name="pictures"):
    """Twelve pictures of random numbers, labelled 0, 1, 2 in turn."""

    image: tuple[int, int, int] = (1, 8, 8)

    def info(self) -> DatasetInfo:
        return DatasetInfo(self.image, 12, ("a", "b", "c"))

    def build(self, task: Task) -> Batch:
        numbers = torch.Generator().manual_seed(7)
        return Batch(torch.rand(12, *self.image, generator=numbers) * 2 - 1, torch.arange(12) % 3)


class Level(Generator, name="level"):
    """Pictures of one learned value, 2 at first: no real picture is like that."""

    def build(self, task: Task) -> nn.Module:
        return LevelNetwork(task)


class LevelNetwork(nn.Module):
    def __init__(self, task: Task) -> None:
        super().__init__()
        self.image = task.image
        self.level = nn.Parameter(torch.tensor(2.0))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.level.expand(len(z), *self.image)


class Witness(Discriminator, name="witness"):
    """Its logits are a learned bias, of the given sign; it remembers what it was shown."""

    bias: float = 1.0

    def build(self, task: Task) -> nn.Module:
        return WitnessNetwork(self.bias)


class WitnessNetwork(nn.Module):
    def __init__(self, bias: float) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.tensor(bias))
        self.slope = nn.Parameter(torch.tensor(1e-3))
        self.shown: list[tuple[Tensor, Tensor | None]] = []

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        self.shown.append((images.detach(), labels))
        return self.bias + self.slope * images.mean(dim=(1, 2, 3))


@pytest.fixture
def parts() -> dict[str, type]:
    return {c.name: c for c in (Pictures, Level, Witness)}


@pytest.fixture
def make_match() -> Callable[..., Match]:
    """The match of a spec, by default of Level against Witness."""

    def make(**changes) -> Match:
        spec = {
            "data": Pictures(),
            "generator": Level(),
            "discriminator": Witness(),
            "loss": "proofs/tiny-wasserstein",
            "game": "proofs/tiny-standard",
            "schedule": "proofs/tiny-alternating",
            "latent": 4,
            "optimizers": {p: {"name": "proofs/tiny-sgd", "lr": 1e-6} for p in ("generator", "discriminator")},
            "train": {"batch_size": 4, "device": "cpu"},
            **changes,
        }
        return compose(**spec).assemble().match

    return make


@pytest.fixture
def stream() -> Callable[[], Stream]:
    """The same random numbers, from the start."""
    return lambda: Stream(torch.device("cpu"), 3, "augment")


@pytest.fixture
def pictures() -> Callable[..., Tensor]:
    """Random pictures in float64; smooth ones, waves of a few pixels, where asked."""

    def make(count=3, channels=2, height=6, width=6) -> Tensor:
        numbers = torch.Generator().manual_seed(1)
        return torch.rand(count, channels, height, width, generator=numbers, dtype=torch.float64) * 2 - 1

    return make
