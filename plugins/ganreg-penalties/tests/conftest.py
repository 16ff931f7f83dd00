"""Smooth networks of known formulas, in float64, and real turns of real matches to try penalties in."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import pytest
import torch
from ganreg_proofs import TEXTBOOK
from torch import Tensor, nn

from ganreg import Batch, Dataset, Discriminator, DiscriminatorOutput, Generator, Loss, Task, compose
from ganreg.assembly import assemble
from ganreg.engine.feed import Feed
from ganreg.engine.match import Match
from ganreg.engine.play import Play
from ganreg.engine.rows import Rows
from ganreg.engine.streams import Stream
from ganreg.spec.compatibility import task_of
from ganreg.task import DatasetInfo

CPU = torch.device("cpu")
SEED = 5

# On pictures as small as these, threads would only wait for each other.
torch.set_num_threads(1)


class Pictures(Dataset, name="pictures"):
    """Twelve pictures of random numbers, labelled 0, 1, 2 in turn."""

    image: tuple[int, int, int] = (1, 4, 4)
    double: bool = True

    def info(self) -> DatasetInfo:
        return DatasetInfo(self.image, 12, ("a", "b", "c"))

    def build(self, task: Task) -> Batch:
        numbers = torch.Generator().manual_seed(7)
        images = torch.rand(12, *self.image, generator=numbers, dtype=torch.float64) * 2 - 1
        return Batch(images if self.double else images.float(), torch.arange(12) % 3)


class Ripples(Discriminator, name="ripples"):
    """D(x) = v·tanh(Wx + b_y), whose gradient is Wᵀ(v ⊙ (1 - tanh²(Wx + b_y)))."""

    def build(self, task: Task) -> nn.Module:
        return RipplesNetwork(task)


class RipplesNetwork(nn.Module):
    def __init__(self, task: Task) -> None:
        super().__init__()
        self.w = nn.Parameter(0.3 * torch.randn(6, 16, dtype=torch.float64))
        self.v = nn.Parameter(torch.randn(6, dtype=torch.float64))
        self.b = nn.Parameter(torch.randn(task.classes, 6, dtype=torch.float64)) if task.classes else None

    def hidden(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """tanh(Wx + b_y), (N, 6)."""
        return (images.flatten(1) @ self.w.T + (0 if self.b is None else self.b[labels])).tanh()

    def slope(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """∇D by hand, (N, 16)."""
        return (self.v * (1 - self.hidden(images, labels) ** 2)) @ self.w

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.hidden(images, labels) @ self.v


class TwoScales(Discriminator, name="two-scales"):
    """A logit a·x for each pixel, and b·Σx for all of them: the gradient of their sum is a + b everywhere."""

    def build(self, task: Task) -> nn.Module:
        return TwoScalesNetwork()


class TwoScalesNetwork(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(0.25, dtype=torch.float64))
        self.b = nn.Parameter(torch.tensor(0.5, dtype=torch.float64))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        return DiscriminatorOutput((self.a * images, self.b * images.sum(dim=(1, 2, 3))))


class Waves(Generator, name="waves"):
    """G(z) = tanh(Az + c_y)."""

    def build(self, task: Task) -> nn.Module:
        return WavesNetwork(task)


class WavesNetwork(nn.Module):
    def __init__(self, task: Task) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.randn(16, task.latent, dtype=torch.float64))
        self.c = nn.Parameter(torch.randn(task.classes, 16, dtype=torch.float64)) if task.classes else None

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        flat = z.double() @ self.a.T + (0 if self.c is None else self.c[labels])
        return flat.tanh().reshape(-1, 1, 4, 4)


class Critic(Loss, name="critic"):
    """The Wasserstein loss."""

    def discriminator(self, real, fake):
        return fake.logits.mean() - real.logits.mean()

    def generator(self, real, fake):
        return -fake.logits.mean()


@pytest.fixture
def parts() -> dict[str, type]:
    return {c.name: c for c in (Pictures, Ripples, TwoScales, Waves, Critic)}


@pytest.fixture
def make_match() -> Callable[..., Match]:
    """The match of a spec, by default of Waves against Ripples."""

    def make(**changes) -> Match:
        spec = {
            "seed": SEED,
            "data": Pictures(),
            "generator": Waves(),
            "discriminator": Ripples(),
            "loss": Critic(),
            **TEXTBOOK,
            "latent": 4,
            "train": {"batch_size": 4, "device": "cpu"},
            **changes,
        }
        run = compose(**spec)
        task = task_of(run.spec, run.spec.data.info())
        feed = Feed(run.spec.data.build(task), 4, SEED, CPU, labels=task.classes is not None)
        return Match(run.spec, assemble(run.spec, task, CPU), feed, CPU)

    return make


@pytest.fixture
def make_play(make_match: Callable[..., Match]) -> Iterator[Callable[..., Play]]:
    """A turn as the engine gives it: only the mover's weights require gradients."""
    with ExitStack() as stack:

        def make(player: str = "discriminator", match: Match | None = None, **changes) -> Play:
            match = match or make_match(**changes)
            stack.enter_context(match._only(player))
            return Play(match, player, 0, partial(match.sources.read, match.position), Rows(slice(0, 4), 4))

        yield make


@pytest.fixture
def stream() -> Callable[..., Stream]:
    """What `play.random(purpose)` gave at its draw-th call in such a turn."""
    return lambda purpose, player="discriminator", draw=1, step=0: Stream(CPU, SEED, purpose, step, player, 0, draw)


@pytest.fixture
def assert_same() -> Callable[..., None]:
    """Two values agree, and so do their gradients with respect to all weights of a network."""

    def compare(value: Tensor, expected: Tensor, network: nn.Module) -> None:
        torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-12)
        weights = [p for p in network.parameters() if p.requires_grad]
        mine, theirs = (torch.autograd.grad(v, weights, allow_unused=True) for v in (value, expected))
        for one, other, weight in zip(mine, theirs, weights, strict=True):
            one, other = (torch.zeros_like(weight) if g is None else g for g in (one, other))
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)
        assert any(g is not None and g.abs().max() > 1e-6 for g in theirs)

    return compare
