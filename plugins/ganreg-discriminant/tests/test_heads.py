"""Heads: what they add to any discriminator, by hand, and where its gradients go."""

import pytest
import torch

from ganreg import Discriminator, DiscriminatorOutput, Task, component
from ganreg.engine.play import as_output

TASK = Task((1, 8, 8), 4, 3)
LABELS = torch.tensor([2, 0, 1, 2])
IMAGES = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(5)) * 2 - 1
BASE = "proofs/tiny-judge"


@pytest.fixture
def make(registry):
    """A head by its name, on a base."""

    def make(name, base=BASE, **parameters):
        return component("discriminator", f"discriminant/{name}", base=base, registry=registry, **parameters)

    return make


@pytest.fixture
def build(make):
    def build(name, task=TASK, **parameters):
        torch.manual_seed(0)
        return make(name, **parameters).build(task)

    return build


def linear(layer, values):
    return values @ layer.weight.T + layer.bias


def test_linear_embedding(build):
    network = build("linear-embedding", Task((1, 8, 8), 4), size=5)
    base, output = network.base(IMAGES), network(IMAGES)
    torch.testing.assert_close(output.embedding, linear(network.linear, base.embedding))
    assert output.embedding.shape == (4, 5)
    assert torch.equal(output.logits, base.logits)


def test_the_linear_embeddings_base_knows_the_labels(build):
    network = build("linear-embedding")
    assert not torch.equal(network(IMAGES, LABELS).logits, network(IMAGES, LABELS.flip(0)).logits)


@pytest.mark.parametrize("classes", [None, 3])
def test_slicing(classes, build):
    """Logits reach the features alone, `direction` the direction alone."""
    network = build("slicing", Task((1, 8, 8), 4, classes))
    output = network(IMAGES, LABELS if classes else None)
    directions = network.directions[LABELS] if classes else network.directions.expand(4, -1)
    along = torch.stack([(d / d.norm()) @ e for d, e in zip(directions, output.embedding, strict=True)])
    torch.testing.assert_close(output.logits, along)
    torch.testing.assert_close(output.extra["direction"], along)
    features = next(network.base.parameters())
    for value, reached, left in (
        (output.logits, features, network.directions),
        (output.extra["direction"], network.directions, features),
    ):
        found = torch.autograd.grad(value.sum(), [reached, left], allow_unused=True, retain_graph=True)
        assert found[0].abs().max() > 0
        assert found[1] is None
    assert "label" not in "".join(dict(network.base.named_parameters()))


def test_slicing_divides_by_the_length(build):
    network = build("slicing", Task((1, 8, 8), 4))
    before = network(IMAGES).logits
    with torch.no_grad():
        network.directions.mul_(7)
    torch.testing.assert_close(network(IMAGES).logits, before)


def test_projection(build):
    network = build("projection")
    base = network.base(IMAGES)
    output = network(IMAGES, LABELS)
    expected = [base.logits[i] + network.projection.weight[label] @ base.embedding[i] for i, label in enumerate(LABELS)]
    torch.testing.assert_close(output.logits, torch.stack(expected))


def test_multi_discriminator(build):
    network = build("multi-discriminator")
    told = linear(network.linear, network.base(IMAGES).embedding)
    expected = torch.stack([told[i, label] for i, label in enumerate(LABELS)])
    torch.testing.assert_close(network(IMAGES, LABELS).logits, expected)


def test_the_projections_base_is_unconditional(build):
    """Its own projection would be another one."""
    assert not any("projection" in name for name in build("projection").base.state_dict())


def test_projection_of_patches(make):
    class Patches(Discriminator, name="patches"):
        provides = frozenset({"embedding"})

        def build(self, task):
            return PatchNetwork()

    class PatchNetwork(torch.nn.Conv2d):
        def __init__(self):
            super().__init__(1, 1, 3, stride=2)

        def forward(self, images, labels=None):
            patches = super().forward(images)
            return DiscriminatorOutput(patches, embedding=patches.flatten(1))

    network = make("projection", base=Patches()).build(TASK)
    base, output = network.base(IMAGES), network(IMAGES, LABELS)
    added = (network.projection.weight[LABELS] * base.embedding).sum(1)
    torch.testing.assert_close(output.logits, base.logits + added[:, None, None, None])


@pytest.mark.parametrize(
    ("name", "slices"),
    [
        ("auxiliary-classifier", ["class_logits"] * 3),
        ("twin-auxiliary", ["class_logits"] * 3 + ["twin_logits"] * 3),
        ("auxiliary-discriminative", ["class_logits"] * 3 + ["generated_logits"] * 3),
        ("semi-supervised", ["class_logits"] * 3 + ["generated"]),
        ("omni", ["class_logits"] * 3 + ["real", "generated"]),
    ],
)
def test_class_heads(name, slices, build):
    network = build(name)
    base, output = network.base(IMAGES), network(IMAGES, LABELS)
    told = linear(network.linear, base.embedding)
    for word in set(slices):
        columns = [i for i, its in enumerate(slices) if its == word]
        wanted = told[:, columns] if len(columns) > 1 else told[:, columns[0]]
        found = output.class_logits if word == "class_logits" else output.extra[word]
        torch.testing.assert_close(found, wanted)
    if name == "semi-supervised":
        torch.testing.assert_close(output.logits, told[:, :3].exp().sum(1).log() - told[:, 3])
    elif name == "omni":
        torch.testing.assert_close(output.logits, told[:, 3] - told[:, 4])
    else:
        assert torch.equal(output.logits, base.logits)


def test_salimans_classifier_is_a_sum(build):
    """Cross-entropy over K + 1 classes is that of being real, and of the class among K."""
    output = build("semi-supervised")(IMAGES, LABELS)
    every = torch.cat([output.class_logits, output.extra["generated"][:, None]], dim=1)
    shares = every.exp() / every.exp().sum(1, keepdim=True)
    sides = component("loss", "proofs/tiny-non-saturating").discriminator(output, output)
    classes = torch.nn.functional.cross_entropy(output.class_logits, LABELS)
    expected = -shares[range(4), LABELS].log().mean() - shares[:, 3].log().mean()
    torch.testing.assert_close(sides + classes, expected)


def test_contrastive(build):
    network = build("contrastive", size=6)
    base, output = network.base(IMAGES), network(IMAGES, LABELS)
    for i, label in enumerate(LABELS):
        projected = linear(network.projection, base.embedding[i])
        torch.testing.assert_close(output.extra["projected"][i], projected / projected.norm())
        proxy = network.proxies.weight[label]
        torch.testing.assert_close(output.extra["proxies"][i], proxy / proxy.norm())


def test_what_a_head_refuses(make):
    class Bare(Discriminator, name="bare"):
        def build(self, task):
            raise AssertionError

    with pytest.raises(ValueError, match="'bare' does not provide embedding"):
        make("slicing", base=Bare()).check(TASK)
    with pytest.raises(ValueError, match="needs classes"):
        make("projection").check(Task((1, 8, 8), 4))

    class Scales(Discriminator, name="scales"):
        provides = frozenset({"embedding"})

        def build(self, task):
            network = torch.nn.Flatten()
            network.forward = lambda images, labels: as_output(
                DiscriminatorOutput((images.sum((1, 2, 3)),) * 2, embedding=(images.flatten(1),) * 2), labels
            )
            return network

    with pytest.raises(ValueError, match="one for each scale"):
        make("slicing", base=Scales()).build(TASK)


def test_heads_stand_on_heads(make):
    head = make("auxiliary-classifier", base={"name": "discriminant/slicing", "base": BASE})
    assert {"direction", "class_logits", "embedding"} <= head.provides
    assert head.build(TASK)(IMAGES, LABELS).class_logits.shape == (4, 3)
