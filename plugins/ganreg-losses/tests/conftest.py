"""Small networks of float64 that have every output, and real matches to play with them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import torch
from ganreg_proofs import TEXTBOOK
from torch import Tensor, nn

from ganreg import Batch, Dataset, Discriminator, DiscriminatorOutput, Generator, Task, compose
from ganreg.assembly import assemble
from ganreg.engine.feed import Feed
from ganreg.engine.match import Match
from ganreg.engine.play import Play
from ganreg.engine.rows import Rows
from ganreg.registry import Registry
from ganreg.spec.compatibility import task_of
from ganreg.task import DatasetInfo

CPU = torch.device("cpu")
REGISTRY = Registry.discover()
COUNT = 4
"""Pictures in a batch."""

# On pictures as small as these, threads would only wait for each other.
torch.set_num_threads(1)


class Pictures(Dataset, name="pictures"):
    """Random pictures in float64, with labels and sources where they are asked for."""

    image: tuple[int, int, int] = (1, 4, 4)
    source: tuple[int, int, int] | None = None
    classes: int | None = None
    single: bool = False

    def info(self) -> DatasetInfo:
        names = None if self.classes is None else tuple(map(str, range(self.classes)))
        return DatasetInfo(self.image, 12, names, self.source)

    def build(self, task: Task) -> Batch:
        numbers = torch.Generator().manual_seed(7)

        def draw(shape: tuple[int, int, int]) -> Tensor:
            drawn = torch.rand(12, *shape, generator=numbers, dtype=torch.float64) * 2 - 1
            return drawn.float() if self.single else drawn

        labels = None if self.classes is None else torch.arange(12) % self.classes
        return Batch(draw(self.image), labels, None if self.source is None else draw(self.source))


class Maker(Generator, name="maker"):
    """One dense layer, from z or from source pictures and z, and labels; in float64."""

    def build(self, task: Task) -> nn.Module:
        return MakerNetwork(task)


class MakerNetwork(nn.Module):
    def __init__(self, task: Task) -> None:
        super().__init__()
        inputs = task.latent + (0 if task.source is None else torch.Size(task.source).numel())
        self.image = task.image
        self.layer = nn.Linear(inputs, torch.Size(task.image).numel(), dtype=torch.float64)
        self.label = nn.Embedding(task.classes or 1, task.latent, dtype=torch.float64)

    def forward(self, *given: Tensor | None) -> Tensor:
        source, z, labels = given if len(given) == 3 else (None, *given)
        z = z.double() if labels is None else z + self.label(labels)
        inputs = z if source is None else torch.cat([source.flatten(1), z], dim=1)
        return self.layer(inputs).tanh().unflatten(1, self.image)


class Judge(Discriminator, name="judge"):
    """Two layers with patches for logits, of one scale or of two; in float64 unless `single`."""

    provides = frozenset({"features", "embedding"})
    two: bool = False
    single: bool = False

    def build(self, task: Task) -> nn.Module:
        network = JudgeNetwork(task, self.two)
        return network if self.single else network.double()


class JudgeNetwork(nn.Module):
    def __init__(self, task: Task, two: bool) -> None:
        super().__init__()
        self.two = two
        self.first = nn.Conv2d(task.image[0], 3, 3, padding=1)
        self.second = nn.Conv2d(3, 5, 3, stride=2, padding=1)
        self.patches = nn.Conv2d(5, 1, 1)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        first = self.first(images).tanh()
        second = self.second(first).tanh()
        logits, embedding = self.patches(second), second.mean(dim=(2, 3))
        if not self.two:
            return DiscriminatorOutput(logits, (first, second), embedding)
        return DiscriminatorOutput(
            (logits, logits.mean(dim=(1, 2, 3))), ((first,), (second,)), (embedding, 2 * embedding + 1)
        )


@pytest.fixture
def pictures() -> type[Pictures]:
    return Pictures


@pytest.fixture
def registry() -> Registry:
    return REGISTRY


@pytest.fixture
def textbook() -> dict[str, Any]:
    return TEXTBOOK


@pytest.fixture
def judge() -> type[Judge]:
    return Judge


@pytest.fixture
def make_match() -> Callable[..., Match]:
    """Assembles the match of a spec."""

    def make(**changes) -> Match:
        spec = {
            "data": Pictures(),
            "generator": Maker(),
            "discriminator": Judge(),
            "loss": "proofs/tiny-wasserstein",
            **TEXTBOOK,
            "latent": 6,
            "train": {"batch_size": COUNT, "device": "cpu"},
            **changes,
        }
        run = compose(registry=REGISTRY, **spec)
        task = task_of(run.spec, run.spec.data.info())
        feed = Feed(run.spec.data.build(task), COUNT, run.spec.seed, CPU, labels=task.classes is not None)
        return Match(run.spec, assemble(run.spec, task, CPU), feed, CPU)

    return make


@pytest.fixture
def turn(make_match: Callable[..., Match]) -> Callable[..., contextmanager]:
    """A player's first turn, as a penalty of the spec sees it; `with turn(player, **spec) as play`."""

    @contextmanager
    def turn(player: str = "generator", **changes) -> Iterator[Play]:
        match = make_match(**changes)
        feed = Feed(match.spec.data.build(match.parts.task), COUNT, 0, CPU, labels=match.parts.task.classes is not None)
        with match._only(player):
            yield Play(match, player, 0, partial(feed.batch, 0), Rows(slice(0, COUNT), COUNT))

    return turn


@pytest.fixture
def assert_term() -> Callable[..., None]:
    """Whether a penalty's term is a formula's, in value and in the gradient of its player's weights."""

    def assert_term(penalty, play: Play, formula: Callable[[], Tensor]) -> None:
        value, expected = penalty(play), formula()
        assert value.shape == ()
        torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-11)
        weights = play.parameters()
        found, wanted = (torch.autograd.grad(v, weights, allow_unused=True) for v in (value, expected))
        assert any(g is not None and g.abs().max() > 0 for g in found)
        for one, other in zip(found, wanted, strict=True):
            zero = torch.zeros(())
            torch.testing.assert_close(zero if one is None else one, zero if other is None else other)

    return assert_term
