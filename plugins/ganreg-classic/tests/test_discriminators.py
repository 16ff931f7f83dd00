"""Discriminators through their components: what they refuse, and what they build."""

from itertools import pairwise

import pytest
import torch
from ganreg_classic import ConvDiscriminator, DCGANDiscriminator, MLPDiscriminator
from torch import nn

from ganreg import Task

SMALL = [
    ConvDiscriminator(widths=(4, 6)),
    MLPDiscriminator(widths=(8, 6)),
    *(DCGANDiscriminator(width=4, max_width=16, normalization=n) for n in ("none", "batch", "spectral")),
]
each = pytest.mark.parametrize("component", SMALL, ids=lambda c: f"{c.name}-{getattr(c, 'normalization', 'plain')}")


@each
@pytest.mark.parametrize("classes", [None, 3])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [4, 8, 16, 28, 32, 64, 128])
def test_every_picture_gets_a_logit_and_what_led_to_it(component, side, channels, classes):
    task = Task((channels, side, side), latent=5, classes=classes)
    component.check(task)
    network = component.build(task)
    for count in (1, 3):
        labels = None if classes is None else torch.arange(count)
        output = network(torch.rand(count, channels, side, side), labels)
        assert output.logits.shape == (count,)
        assert output.embedding.shape == (count, output.features[-1].flatten(1).shape[1])
        assert all(len(feature) == count for feature in output.features)


@each
def test_what_is_provided_is_filled(component):
    output = component.build(Task((1, 16, 16), 5))(torch.rand(2, 1, 16, 16))
    assert component.provides == {"features", "embedding"}
    assert len(output.features) == 2
    assert torch.equal(output.features[-1].flatten(1), output.embedding)


@each
def test_the_logit_is_linear_in_the_embedding(component):
    network = component.build(Task((1, 8, 8), 5)).double().eval()
    output = network(torch.rand(12, 1, 8, 8, dtype=torch.float64))
    (slopes,) = torch.autograd.grad(output.logits.sum(), output.embedding)
    # One weight for all pictures, and what is left of the logit is the bias.
    torch.testing.assert_close(slopes, slopes[:1].expand_as(slopes))
    rest = output.logits - (slopes * output.embedding).sum(dim=1)
    torch.testing.assert_close(rest, rest[:1].expand_as(rest))


@each
def test_labels_enter_by_projection(component):
    """logits(y) - logits(y') = <v_y - v_y', embedding>, for one difference of vectors."""
    network = component.build(Task((1, 8, 8), 5, classes=3)).double().eval()
    images = torch.rand(12, 1, 8, 8, dtype=torch.float64)
    first, second = (network(images, torch.full((12,), y)) for y in (0, 2))
    difference = first.logits - second.logits
    slopes = [torch.autograd.grad(o.logits.sum(), o.embedding)[0] for o in (first, second)]
    assert difference.abs().min() > 0
    torch.testing.assert_close(difference, ((slopes[0] - slopes[1]) * first.embedding).sum(dim=1))
    torch.testing.assert_close(first.embedding, second.embedding)


@each
def test_an_unconditional_network_has_no_embedding_of_labels(component):
    network = component.build(Task((1, 8, 8), 5)).eval()
    assert [m for m in network.modules() if isinstance(m, nn.Embedding)] == []
    images = torch.rand(2, 1, 8, 8)
    assert torch.equal(network(images).logits, network(images, torch.tensor([0, 1])).logits)


def test_the_text_book_discriminator_is_the_published_one(leaves):
    layers = leaves(ConvDiscriminator().build(Task((3, 64, 64), latent=100)))
    for position, (inputs, outputs) in enumerate([(3, 64), (64, 128)]):
        convolution, relu, dropout = layers[3 * position : 3 * position + 3]
        assert isinstance(convolution, nn.Conv2d)
        assert (convolution.in_channels, convolution.out_channels) == (inputs, outputs)
        assert (convolution.kernel_size, convolution.stride) == ((3, 3), (2, 2))
        assert isinstance(relu, nn.LeakyReLU)
        assert relu.negative_slope == 0.2
        assert isinstance(dropout, nn.Dropout)
        assert dropout.p == 0.3
    (dense,) = layers[6:]
    assert isinstance(dense, nn.Linear)
    assert (dense.in_features, dense.out_features) == (16 * 16 * 128, 1)


@pytest.mark.parametrize("image", [(1, 5, 9), (2, 1, 1), (3, 30, 20)])
@pytest.mark.parametrize("component", SMALL[:2], ids=lambda c: c.name)
def test_the_text_book_discriminators_take_any_shape(component, image):
    component.check(Task(image, 5))
    assert component.build(Task(image, 5))(torch.rand(2, *image)).logits.shape == (2,)


def test_dropout_is_of_training_alone():
    network = ConvDiscriminator(dropout=0.5).build(Task((1, 8, 8), 5))
    images = torch.rand(4, 1, 8, 8)
    assert not torch.equal(network(images).logits, network(images).logits)
    network.eval()
    assert torch.equal(network(images).logits, network(images).logits)


def test_dcgan_with_batch_normalization_is_the_published_one(leaves):
    component = DCGANDiscriminator(width=128, max_width=1024, normalization="batch")
    with torch.device("meta"):
        layers = leaves(component.build(Task((3, 64, 64), latent=100)))
    convolutions = [m for m in layers if isinstance(m, nn.Conv2d)]
    widths = [3, 128, 256, 512, 1024]
    assert [(m.in_channels, m.out_channels) for m in convolutions] == list(pairwise(widths))
    assert {(m.kernel_size, m.stride) for m in convolutions} == {((4, 4), (2, 2))}
    kinds = [nn.Conv2d, nn.LeakyReLU] + 3 * [nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU] + [nn.Linear]
    assert [type(m) for m in layers] == kinds
    assert layers[-1].in_features == 4 * 4 * 1024


@each
def test_only_batch_normalization_ties_a_picture_to_its_neighbours(component):
    """The reason of the default: a penalty on each picture's gradient needs a logit of that picture alone."""
    network = component.build(Task((1, 16, 16), 5))
    for dropout in [m for m in network.modules() if isinstance(m, nn.Dropout)]:
        dropout.eval()
    images = torch.rand(4, 1, 16, 16, requires_grad=True)
    (gradients,) = torch.autograd.grad(network(images).logits[0], images)
    assert gradients[0].abs().max() > 0
    assert (gradients[1:].abs().max() > 0) == (getattr(component, "normalization", "none") == "batch")


def test_spectral_normalization_bounds_every_layer():
    torch.manual_seed(0)
    network = DCGANDiscriminator(width=8, normalization="spectral").build(Task((1, 16, 16), 5, classes=2))
    # One power iteration per forward: close singular values take many.
    for _ in range(300):
        network(torch.rand(1, 1, 16, 16), torch.tensor([0]))
    network.eval()
    matrices = [m.weight.flatten(1) for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.Embedding)]
    assert len(matrices) == 4
    for matrix in matrices:
        assert torch.linalg.matrix_norm(matrix, ord=2).item() == pytest.approx(1, rel=1e-2)


@pytest.mark.parametrize(("normalization", "narrow"), [("batch", True), ("none", False)])
def test_dcgan_starts_from_narrow_weights_where_batches_normalize_them(normalization, narrow):
    torch.manual_seed(0)
    component = DCGANDiscriminator(max_width=128, normalization=normalization)
    network = component.build(Task((3, 32, 32), 5))
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == 4
    for module in layers:
        fan_in = module.weight[0].numel()
        std = 0.02 if narrow else (3 * fan_in) ** -0.5
        assert module.weight.std().item() == pytest.approx(std, rel=0.1)
