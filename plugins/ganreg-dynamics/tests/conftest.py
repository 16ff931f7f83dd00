"""The bilinear game, and small smooth networks of float64 with copies that a test moves by hand."""

from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganreg import Batch, Dataset, Discriminator, Generator, Loss, Task, compose
from ganreg.engine.match import Match
from ganreg.engine.state import same
from ganreg.registry import Registry
from ganreg.task import DatasetInfo

REGISTRY = Registry.discover()
BATCH, LATENT, RATE = 4, 3, 0.1

torch.set_num_threads(1)


class Pictures(Dataset, name="pictures"):
    """Random pictures, or ones of a single value, in float64 unless `single`."""

    image: tuple[int, int, int] = (1, 2, 2)
    value: float | None = None
    single: bool = False

    def info(self) -> DatasetInfo:
        return DatasetInfo(self.image, 64)

    def build(self, task: Task) -> Batch:
        numbers = torch.Generator().manual_seed(7)
        images = torch.rand(64, *self.image, generator=numbers, dtype=torch.float64) * 2 - 1
        images = images if self.value is None else torch.full_like(images, self.value)
        return Batch(images.float() if self.single else images)


class Constant(Generator, name="constant"):
    """Makes pictures of one learned value x."""

    def build(self, task: Task) -> nn.Module:
        return ConstantNetwork(task.image)


class ConstantNetwork(nn.Module):
    def __init__(self, image: tuple[int, int, int]) -> None:
        super().__init__()
        self.image = image
        self.value = nn.Parameter(torch.tensor(1.0, dtype=torch.float64))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.value.expand(len(z), *self.image)


class Linear(Discriminator, name="linear"):
    """D(x) = y·x, with one learned y."""

    def build(self, task: Task) -> nn.Module:
        return LinearNetwork()


class LinearNetwork(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(1.0, dtype=torch.float64))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return (self.weight * images).flatten(1).sum(dim=1)


class Product(Loss, name="product"):
    """min over x, max over y of xy."""

    def discriminator(self, real, fake):
        return -fake.logits.mean()

    def generator(self, real, fake):
        return fake.logits.mean()


class Maker(Generator, name="maker"):
    """Two dense layers from z, in float64."""

    def build(self, task: Task) -> nn.Module:
        return MakerNetwork(task)


class MakerNetwork(nn.Module):
    def __init__(self, task: Task) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(task.latent, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh(), nn.Unflatten(1, task.image)
        ).double()

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.layers(z.double())


class Judge(Discriminator, name="judge"):
    """Two dense layers, in float64."""

    def build(self, task: Task) -> nn.Module:
        return JudgeNetwork()


class JudgeNetwork(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1)).double()

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.layers(images).squeeze(1)


@pytest.fixture
def registry() -> Registry:
    return REGISTRY


@pytest.fixture
def pictures() -> type[Pictures]:
    return Pictures


@pytest.fixture
def make_match() -> Callable[..., Match]:
    """The match of a spec, by default of smooth networks that move by gradient descent."""

    def make(lr: float = RATE, optimizer: str = "proofs/tiny-sgd", **changes) -> Match:
        spec = {
            "data": Pictures(),
            "generator": Maker(),
            "discriminator": Judge(),
            "loss": "proofs/tiny-non-saturating",
            "game": "proofs/tiny-standard",
            "latent": LATENT,
            "schedule": "proofs/tiny-simultaneous",
            "optimizers": {player: {"name": optimizer, "lr": lr} for player in ("generator", "discriminator")},
            "train": {"batch_size": BATCH, "device": "cpu"},
        }
        return compose(registry=REGISTRY, **{**spec, **changes}).assemble().match

    return make


@pytest.fixture
def bilinear(make_match: Callable[..., Match]) -> Callable[..., Tensor]:
    """The way (steps + 1, 2) of (x, y) from (1, 1) in the game min over x, max over y of xy."""

    def bilinear(schedule, steps: int = 100, **changes) -> Tensor:
        spec = {"data": Pictures(image=(1, 1, 1), value=0), "generator": Constant(), "discriminator": Linear()}
        match = make_match(schedule=schedule, loss=Product(), **{**spec, **changes})
        x, y = match.networks["generator"].value, match.networks["discriminator"].weight
        way = [(x.item(), y.item())]
        for _ in range(steps):
            match.step()
            way.append((x.item(), y.item()))
        return torch.tensor(way, dtype=torch.float64)

    return bilinear


class Reference:
    """Plain torch beside the engine: copies of a match's networks, its batches and its noise."""

    def __init__(self, match: Match) -> None:
        self.match = match
        self.networks = deepcopy(dict(match.networks))
        self.initial = deepcopy({name: network.state_dict() for name, network in self.networks.items()})

    def weights(self, player: str) -> list[nn.Parameter]:
        return list(self.networks[player].parameters())

    def z(self, player: str, step: int, turn: int = 0) -> Tensor:
        return self.match.noise(BATCH, "noise", step, turn)

    def loss(self, player: str, batch: int, step: int, turn: int = 0, refine=lambda z: z) -> Tensor:
        """The non-saturating loss of a turn."""
        generator, discriminator = self.networks["generator"], self.networks["discriminator"]
        fake = discriminator(generator(refine(self.z(player, step, turn))))
        if player == "generator":
            return softplus(-fake).mean()
        return softplus(-discriminator(self.match.sources.read(batch).images)).mean() + softplus(fake).mean()

    def gradient(self, player: str, batch: int, step: int, turn: int = 0, **words) -> list[Tensor]:
        loss = self.loss(player, batch, step, turn, **words)
        return list(torch.autograd.grad(loss, self.weights(player)))

    def field(self, batch: int, step: int, turn: int = 0) -> dict[str, list[Tensor]]:
        """Each player's gradient of its own loss, at the same point."""
        return {player: self.gradient(player, batch, step, turn) for player in self.networks}

    @torch.no_grad()
    def move(self, player: str, gradient: list[Tensor], rate: float = RATE) -> None:
        for weight, slope in zip(self.weights(player), gradient, strict=True):
            weight -= rate * slope

    def save(self, *players: str) -> dict[str, list[Tensor]]:
        return {player: [w.detach().clone() for w in self.weights(player)] for player in players or self.networks}

    @torch.no_grad()
    def restore(self, saved: dict[str, list[Tensor]]) -> None:
        for player, values in saved.items():
            for weight, value in zip(self.weights(player), values, strict=True):
                weight.copy_(value)

    def assert_reached(self, steps: int) -> None:
        """The engine's own steps lead where the copies have been led."""
        for _ in range(steps):
            self.match.step()
        for name, network in self.match.networks.items():
            reached = network.state_dict()
            assert not same(reached, self.initial[name]), f"{name} has not moved"
            torch.testing.assert_close(reached, self.networks[name].state_dict(), rtol=0, atol=1e-10)


@pytest.fixture
def reference(make_match: Callable[..., Match]) -> Callable[..., Reference]:
    return lambda *schedule, **spec: Reference(
        make_match(**{**({"schedule": schedule[0]} if schedule else {}), **spec})
    )
