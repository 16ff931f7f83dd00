"""Generators through their components: what they refuse, and what they build."""

from itertools import pairwise

import pytest
import torch
from ganreg_classic import DCGANGenerator, MLPGenerator
from torch import nn

from ganreg import Task

SMALL = [DCGANGenerator(width=4, max_width=16, label_size=3), MLPGenerator(widths=(8, 6), label_size=3)]
each = pytest.mark.parametrize("component", SMALL, ids=lambda c: c.name)


@each
@pytest.mark.parametrize("classes", [None, 3])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [4, 8, 16, 28, 32, 64, 128])
def test_pictures_have_the_tasks_shape_and_lie_in_range(component, side, channels, classes):
    task = Task((channels, side, side), latent=5, classes=classes)
    component.check(task)
    network = component.build(task)
    for count in (1, 3):
        # Statistics over a batch need two vectors; a single grid of pixels suffices for those of a convolution.
        network.train(count > 1 or component.name == "dcgan")
        labels = None if classes is None else torch.arange(count)
        images = network(torch.randn(count, 5) * 1000, labels)
        assert images.shape == (count, channels, side, side)
        assert images.abs().max() <= 1


@each
def test_labels_change_the_pictures_of_a_conditional_run_alone(component):
    z, ones, twos = torch.randn(4, 5), torch.ones(4, dtype=torch.long), torch.full((4,), 2)
    conditional = component.build(Task((1, 8, 8), 5, classes=3))
    assert not torch.equal(conditional(z, ones), conditional(z, twos))
    free = component.build(Task((1, 8, 8), 5))
    assert torch.equal(free(z, ones), free(z, twos))
    assert [m.weight.shape for m in conditional.modules() if isinstance(m, nn.Embedding)] == [(3, 3)]
    assert [m for m in free.modules() if isinstance(m, nn.Embedding)] == []


@each
def test_a_task_with_a_source_is_refused(component):
    with pytest.raises(ValueError, match=r"noise alone.*\(3, 8, 8\)"):
        component.check(Task((1, 8, 8), 5, source=(3, 8, 8)))


def test_the_text_book_stack_is_the_published_one(leaves):
    component = MLPGenerator(shape=(256, 4, 4))
    layers = leaves(component.build(Task((256, 4, 4), latent=100)))
    sizes = [100, 128, 128, 256, 512, 1024]
    for position, (inputs, outputs) in enumerate(pairwise(sizes)):
        dense, relu, norm = layers[3 * position : 3 * position + 3]
        assert isinstance(dense, nn.Linear)
        assert (dense.in_features, dense.out_features) == (inputs, outputs)
        assert isinstance(relu, nn.ReLU)
        assert isinstance(norm, nn.BatchNorm1d)
        assert (norm.num_features, norm.momentum) == (outputs, 0.2)
    dense, tanh, shape = layers[15:]
    assert isinstance(dense, nn.Linear)
    assert (dense.in_features, dense.out_features) == (1024, 4 * 4 * 256)
    assert isinstance(tanh, nn.Tanh)
    assert shape.unflattened_size == (256, 4, 4)


def test_running_statistics_keep_four_fifths_as_keras_counts_it(leaves):
    network = MLPGenerator(widths=(8,)).build(Task((1, 4, 4), latent=5)).train()
    z = torch.randn(16, 5)
    dense, relu, norm = leaves(network)[:3]
    expected = 0.2 * relu(dense(z)).mean(dim=0)
    network(z)
    torch.testing.assert_close(norm.running_mean, expected)


def test_one_vector_has_no_statistics():
    network = MLPGenerator(widths=(8,)).build(Task((1, 4, 4), latent=5))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        network.train()(torch.randn(1, 5))


def test_a_shape_that_is_not_the_tasks_is_refused():
    component = MLPGenerator(shape=(256, 4, 4))
    with pytest.raises(ValueError, match=r"makes \(256, 4, 4\) images, where the task has \(3, 64, 64\)"):
        component.check(Task((3, 64, 64), 100))


@pytest.mark.parametrize("image", [(1, 5, 9), (2, 1, 1), (3, 30, 20)])
def test_the_dense_generator_makes_any_shape(image):
    component = MLPGenerator(widths=(8,))
    component.check(Task(image, 5))
    assert component.build(Task(image, 5))(torch.randn(2, 5)).shape == (2, *image)


def test_dcgan_at_full_width_is_the_published_one(leaves):
    with torch.device("meta"):
        layers = leaves(DCGANGenerator(width=128, max_width=1024).build(Task((3, 64, 64), latent=100)))
    convolutions = [m for m in layers if isinstance(m, nn.ConvTranspose2d)]
    widths = [100, 1024, 512, 256, 128, 3]
    assert [(m.in_channels, m.out_channels) for m in convolutions] == list(pairwise(widths))
    assert [(m.kernel_size, m.stride) for m in convolutions] == [((4, 4), (1, 1))] + 4 * [((4, 4), (2, 2))]
    kinds = 4 * [nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU] + [nn.ConvTranspose2d, nn.Tanh]
    assert [type(m) for m in layers] == kinds
    assert [m.bias is None for m in convolutions] == 4 * [True] + [False]


def test_dcgan_starts_28_at_7_and_never_exceeds_its_cap(leaves):
    layers = leaves(DCGANGenerator(width=8).build(Task((1, 28, 28), latent=5)))
    assert [m.kernel_size for m in layers if isinstance(m, nn.ConvTranspose2d)] == [(7, 7), (4, 4), (4, 4)]
    capped = leaves(DCGANGenerator(width=8, max_width=20).build(Task((1, 64, 64), latent=5)))
    assert [m.num_features for m in capped if isinstance(m, nn.BatchNorm2d)] == [20, 20, 16, 8]


def test_dcgan_starts_from_narrow_weights():
    torch.manual_seed(0)
    network = DCGANGenerator().build(Task((3, 32, 32), latent=64))
    for module in network.modules():
        if isinstance(module, nn.ConvTranspose2d):
            assert module.weight.std().item() == pytest.approx(0.02, rel=0.05)
            assert abs(module.weight.mean().item()) < 0.002
