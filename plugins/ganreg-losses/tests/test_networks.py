"""The autoencoder, the heads and the categorical code."""

import pytest
import torch
from ganreg_losses import Autoencoder, CategoricalCode, CodeHead, InfoMaxHead, OutcomesHead, RotationHead
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from ganreg import Discriminator, DiscriminatorOutput, Task, component
from ganreg.errors import SpecError

TASK = Task((3, 9, 14), 6)
IMAGES = torch.rand(5, 3, 9, 14) * 2 - 1


@pytest.mark.parametrize("power", [1, 2])
def test_an_autoencoders_logits_are_minus_its_error(power):
    network = Autoencoder(widths=(4, 6, 8), code=7, power=power).build(TASK)
    output = network(IMAGES)
    assert output.embedding.shape == (5, 7)
    assert [tuple(f.shape[1:]) for f in output.features] == [(4, 5, 7), (6, 3, 4), (8, 2, 2)]
    decoded = network.decoder(output.embedding)
    assert decoded.shape == IMAGES.shape
    errors = [((decoded[n] - IMAGES[n]).abs() ** power).sum() / IMAGES[n].numel() for n in range(5)]
    torch.testing.assert_close(output.logits, -torch.stack(errors))


def test_an_autoencoder_learns_the_pictures_that_it_is_shown():
    torch.manual_seed(0)
    network = Autoencoder(widths=(16, 16), code=32).build(Task((1, 8, 8), 6))
    images = torch.rand(4, 1, 8, 8).round() * 2 - 1
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    first = network(images).logits.mean().item()
    for _ in range(60):
        optimizer.zero_grad()
        (-network(images).logits.mean()).backward()
        optimizer.step()
    assert network(images).logits.mean().item() > first / 2


class Halving(Discriminator, name="halving"):
    """Two convolutions of stride 2, which leave features, and the label's projection on their mean."""

    provides = frozenset({"features", "embedding"})
    normalization: str = "none"
    flat: bool = False

    def build(self, task):
        return HalvingNetwork(task, self.normalization, self.flat)


class HalvingNetwork(nn.Module):
    def __init__(self, task, normalization, flat):
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(inputs, 4, 4, stride=2, padding=1) for inputs in (task.image[0], 4))
        self.norm = nn.BatchNorm2d(4) if normalization == "batch" else nn.Identity()
        if normalization == "spectral":
            for layer in self.layers:
                spectral_norm(layer)
        self.label = nn.Embedding(task.classes or 1, 4)
        self.flat = flat

    def forward(self, images, labels=None):
        first = self.layers[0](images).tanh()
        second = self.norm(self.layers[1](first)).tanh()
        embedding = second.mean(dim=(2, 3))
        label = 1 if labels is None else self.label(labels)
        features = (first.flatten(1), second.flatten(1)) if self.flat else (first, second)
        return DiscriminatorOutput((embedding * label).sum(dim=1), features, embedding)


CLASSIC = pytest.mark.needs("ganreg-classic")
NORMALIZATIONS = ["none", "spectral", "batch"]
BASES = [
    *(pytest.param(lambda n=n: Halving(normalization=n), id=f"halving-{n}") for n in NORMALIZATIONS),
    *(
        pytest.param(
            lambda n=n: component("discriminator", "classic/dcgan", width=4, normalization=n),
            id=f"dcgan-{n}",
            marks=CLASSIC,
        )
        for n in NORMALIZATIONS
    ),
]
HEADS = [
    (RotationHead, {}, {"rotation": (4,)}),
    (OutcomesHead, {"outcomes": 9}, {"outcomes": (9,)}),
    (CodeHead, {"codes": 3}, {"codes": (3,)}),
    (InfoMaxHead, {"size": 6}, {"local": (6, 4, 4), "global": (6,)}),
    (InfoMaxHead, {"size": 6, "layer": 0}, {"local": (6, 8, 8), "global": (6,)}),
]


@pytest.mark.parametrize(("head", "parameters", "shapes"), HEADS, ids=str)
@pytest.mark.parametrize("classes", [None, 3])
@pytest.mark.parametrize("base", BASES)
def test_a_head_adds_to_what_its_base_says(head, parameters, shapes, classes, base):
    task = Task((1, 16, 16), 6, classes)
    part = head(base=base(), **parameters)
    assert part.provides == {"features", "embedding", *shapes}
    network = part.build(task).eval()
    images, labels = torch.randn(5, 1, 16, 16), None if classes is None else torch.arange(5) % 3
    output, plain = network(images, labels), network.base(images, labels)
    assert {name: tuple(value.shape[1:]) for name, value in output.extra.items()} == shapes
    torch.testing.assert_close(output.logits, plain.logits)
    torch.testing.assert_close(output.embedding, plain.embedding)


def test_heads_stand_on_heads():
    """Whatever the base provides stays, so a discriminator can have several heads."""
    both = RotationHead(base=InfoMaxHead(base=Halving(), size=6))
    assert both.provides == {"features", "embedding", "rotation", "local", "global"}
    assert set(both.build(Task((1, 16, 16), 6))(torch.randn(2, 1, 16, 16)).extra) == {"rotation", "local", "global"}


@pytest.mark.parametrize(("head", "parameters", "shapes"), HEADS[:4], ids=str)
def test_a_head_needs_an_embedding(head, parameters, shapes):
    class Bare(Halving, name="bare"):
        provides = frozenset({"features"})

    with pytest.raises(ValueError, match="does not provide embedding"):
        head(base=Bare(), **parameters).check(Task((1, 16, 16), 6))


def test_a_head_refuses_several_scales(make_match, judge):
    with pytest.raises(SpecError, match="not one embedding, but one for each scale"):
        make_match(discriminator=RotationHead(base=judge(two=True, single=True)))


@pytest.mark.parametrize(
    "base",
    [
        pytest.param(lambda: Halving(flat=True), id="halving"),
        pytest.param(lambda: component("discriminator", "classic/mlp"), id="mlp", marks=CLASSIC),
    ],
)
def test_infomax_needs_places(base):
    part = InfoMaxHead(base=base())
    with pytest.raises(ValueError, match="has no places"):
        part.build(Task((1, 8, 8), 6))


@pytest.mark.parametrize("needs", ["rotation", "infomax", "mutual-information"])
def test_a_term_without_its_head_is_refused(make_match, needs):
    with pytest.raises(SpecError, match=f"the penalty '{needs}' needs "):
        make_match(penalties=[f"losses/{needs}"])


def test_more_codes_than_numbers_are_refused():
    with pytest.raises(ValueError, match="fewer than 7 codes"):
        CodeHead(base=Halving(), codes=7).check(Task((1, 16, 16), 6))


def test_a_category_is_the_place_of_the_largest_number():
    part = CategoricalCode(base=component("generator", "proofs/tiny-generator"), categories=3)
    network = part.build(Task((1, 8, 8), 6))
    seen = []
    network.base.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    z = torch.randn(5000, 6)
    assert network(z).shape == (5000, 1, 8, 8)
    assert torch.equal(seen[0][:, 3:], z[:, 3:])
    assert torch.equal(seen[0][:, :3].argmax(dim=1), z[:, :3].argmax(dim=1))
    assert set(seen[0][:, :3].flatten().tolist()) == {0.0, 1.0}
    counts = seen[0][:, :3].sum(dim=0)
    assert counts.sum() == 5000
    assert (counts / 5000 - 1 / 3).abs().max() < 0.03


@pytest.mark.parametrize(
    ("task", "message"), [(Task((1, 8, 8), 3), "leaves none"), (Task((1, 8, 8), 6, None, (1, 8, 8)), "from noise")]
)
def test_tasks_that_a_category_does_not_suit(task, message):
    with pytest.raises(ValueError, match=message):
        CategoricalCode(base=component("generator", "proofs/tiny-generator"), categories=3).check(task)
