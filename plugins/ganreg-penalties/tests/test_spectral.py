"""Spectral normalization of any network."""

import pytest
import torch
from ganreg_penalties import SpectralDiscriminator
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized

from ganreg import Discriminator, DiscriminatorOutput, Task, component
from ganreg.errors import SpecError

CLASSIC = pytest.mark.needs("ganreg-classic")
TASK = Task((1, 8, 8), 6, classes=3)


class Layers(Discriminator, name="layers"):
    """A layer of every kind that has a matrix of weights, and one that has none."""

    provides = frozenset({"features", "embedding"})
    normalized: bool = False

    def check(self, task):
        if task.image[1] % 2:
            raise ValueError("works on even sides")

    def build(self, task):
        network = LayersNetwork(task)
        if self.normalized:
            for layer in (network.down, network.up, network.linear, network.label):
                spectral_norm(layer)
        return network


class LayersNetwork(nn.Module):
    def __init__(self, task):
        super().__init__()
        self.down = nn.Conv2d(task.image[0], 4, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.up = nn.ConvTranspose2d(4, 3, 2, stride=2)
        self.linear = nn.Linear(3, 5)
        self.label = nn.Embedding(task.classes, 5)

    def forward(self, images, labels):
        first = self.norm(self.down(images)).tanh()
        second = self.up(first).tanh()
        embedding = self.linear(second.mean(dim=(2, 3)))
        return DiscriminatorOutput((self.label(labels) * embedding).sum(dim=1), (first, second), embedding)


def built(part, seed=0):
    torch.manual_seed(seed)
    return part.build(TASK)


def matrix(layer):
    """A layer's weight in use, its outputs first."""
    weight = layer.weight
    return (weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else weight).flatten(1)


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        ("discriminator", Layers()),
        ("generator", {"name": "proofs/tiny-generator"}),
        pytest.param("discriminator", {"name": "classic/dcgan", "width": 4}, marks=CLASSIC),
        pytest.param("discriminator", {"name": "classic/conv", "widths": [4, 4]}, marks=CLASSIC),
        pytest.param("generator", {"name": "classic/dcgan", "width": 4}, marks=CLASSIC),
        pytest.param("generator", {"name": "classic/mlp", "widths": [8, 8]}, marks=CLASSIC),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else getattr(value, "name", value),
)
def test_the_largest_singular_value_of_every_layer_becomes_one(kind, base):
    part = component(kind, "penalties/spectral", base=base)
    network, plain = built(part), part.base.build(TASK)
    layers = [m for m in network.modules() if is_parametrized(m, "weight")]
    kinds = nn.Linear | nn.Embedding | nn.Conv2d | nn.ConvTranspose2d
    assert len(layers) == sum(isinstance(m, kinds) for m in plain.modules()) > 2
    for layer in layers:
        for _ in range(200):
            used = matrix(layer)
        original = layer.parametrizations.weight.original
        largest = torch.linalg.svdvals(matrix(layer)).max()
        assert largest.item() == pytest.approx(1, abs=1e-3)
        ratio = original / layer.weight
        torch.testing.assert_close(ratio, ratio.flatten()[0].expand_as(ratio), rtol=1e-4, atol=1e-5)
        assert used.requires_grad


def test_it_is_all_that_its_base_is():
    part = SpectralDiscriminator(base=Layers())
    assert part.provides == {"features", "embedding"}
    assert part.requires == frozenset()
    with pytest.raises(ValueError, match="works on even sides"):
        part.check(Task((1, 9, 9), 6))
    network = built(part)
    output = network(torch.zeros(2, 1, 8, 8), torch.tensor([0, 2]))
    assert output.features
    assert output.embedding.shape[0] == 2


def test_what_is_normalized_already_is_left_alone():
    once, twice = built(Layers(normalized=True)), built(SpectralDiscriminator(base=Layers(normalized=True)))
    assert once.state_dict().keys() == twice.state_dict().keys()
    assert all(torch.equal(once.state_dict()[key], value) for key, value in twice.state_dict().items())


@CLASSIC
def test_it_is_classics_own_spectral_normalization():
    """Of a discriminator that offers it itself: the same outputs from the same weights."""
    theirs = built(component("discriminator", "classic/dcgan", width=4, normalization="spectral"))
    mine = built(SpectralDiscriminator(base=component("discriminator", "classic/dcgan", width=4)))
    mine.load_state_dict(theirs.state_dict())
    images, labels = torch.randn(3, 1, 8, 8), torch.tensor([0, 1, 2])
    assert torch.equal(mine(images, labels).logits, theirs(images, labels).logits)


def test_more_iterations_come_closer():
    def distance(iterations):
        network = built(SpectralDiscriminator(base=Layers(), iterations=iterations))
        layer = next(m for m in network.modules() if is_parametrized(m, "weight"))
        return abs(torch.linalg.svdvals(matrix(layer)).max().item() - 1)

    assert distance(50) < distance(1)


class Growing(Discriminator, name="growing"):
    flat: bool = False

    def build(self, task):
        network = nn.Linear(1, 1)
        if not self.flat:
            network.set_stage = print
        return nn.BatchNorm2d(1) if self.flat else network


@pytest.mark.parametrize(("flat", "message"), [(False, "grows"), (True, "no layer")])
def test_what_cannot_be_normalized_is_refused(flat, message):
    with pytest.raises(ValueError, match=message):
        built(SpectralDiscriminator(base=Growing(flat=flat)))


def test_a_spec_names_its_base():
    part = component("discriminator", "spectral", base={"name": "proofs/tiny-discriminator", "width": 8})
    assert part.base.width == 8
    assert component("generator", "spectral", base="proofs/tiny-generator").base.name == "tiny-generator"
    with pytest.raises(SpecError, match="base"):
        component("generator", "spectral")
