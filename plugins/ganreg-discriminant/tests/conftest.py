"""Small labelled pictures, and runs of them."""

from collections.abc import Callable

import pytest
import torch
from ganreg_proofs import TEXTBOOK

from ganreg import Batch, Dataset, DiscriminatorOutput, Task, compose
from ganreg.api import Run
from ganreg.registry import Registry
from ganreg.task import DatasetInfo

REGISTRY = Registry.discover()
COUNT = 6
"""Pictures in a batch."""
PLAYERS = ("generator", "discriminator")
SPEC = {
    **TEXTBOOK,
    "generator": {"name": "proofs/tiny-generator", "normalized": True},
    "discriminator": "proofs/tiny-judge",
    "loss": "proofs/tiny-hinge",
    "latent": 4,
    "train": {"batch_size": COUNT, "device": "cpu"},
    "optimizers": {player: {"name": "proofs/tiny-adam", "lr": 0.01} for player in PLAYERS},
}

# On pictures as small as these, threads would only wait for each other.
torch.set_num_threads(1)


class Pictures(Dataset, name="pictures"):
    """Random pictures of three classes."""

    image: tuple[int, int, int] = (1, 8, 8)

    def info(self) -> DatasetInfo:
        return DatasetInfo(self.image, 24, ("a", "b", "c"))

    def build(self, task: Task) -> Batch:
        numbers = torch.Generator().manual_seed(7)
        images = torch.rand(24, *self.image, generator=numbers) * 2 - 1
        return Batch(images, torch.randint(3, (24,), generator=numbers))


@pytest.fixture
def registry() -> Registry:
    return REGISTRY


@pytest.fixture
def run() -> Callable[..., Run]:
    """Composes a small run, of which the spec may change anything."""

    def run(**spec) -> Run:
        return compose(registry=REGISTRY, **{"data": Pictures(), **SPEC, **spec})

    return run


def embedded(seed: int, count: int, size: int, labels: list[int] | None = None, shift: float = 0.0) -> tuple:
    """An output of random logits and embeddings in float64, with both as leaves."""
    numbers = torch.Generator().manual_seed(seed)
    logits, embedding = (torch.randn(shape, generator=numbers, dtype=torch.float64) for shape in (count, (count, size)))
    embedding = ((1 + seed) * embedding + shift).requires_grad_()
    logits.requires_grad_()
    output = DiscriminatorOutput(
        logits, embedding=embedding, labels=None if labels is None else torch.tensor(labels[:count])
    )
    return output, embedding


@pytest.fixture
def pair() -> Callable[..., tuple]:
    """Outputs of both sides, and their embeddings."""

    def pair(count: int, size: int, labels: list[int] | None = None, seed: int = 0) -> tuple:
        (real, r), (fake, f) = embedded(seed, count, size, labels, 0.5), embedded(seed + 1, count, size, labels)
        return real, fake, r, f

    return pair


@pytest.fixture
def assert_same() -> Callable[..., None]:
    """Whether two values agree, and their gradients with respect to some leaves."""

    def assert_same(found, expected, leaves, tolerance: float = 1e-8) -> None:
        assert found.shape == ()
        torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
        slopes = [torch.autograd.grad(v, leaves, allow_unused=True, retain_graph=True) for v in (found, expected)]
        assert any(slope is not None and slope.abs().max() > 0 for slope in slopes[0])
        for one, other, leaf in zip(*slopes, leaves, strict=True):
            one, other = (torch.zeros_like(leaf) if slope is None else slope for slope in (one, other))
            torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)

    return assert_same
