"""What generators and discriminators have in common: what they refuse, labels, and building without memory."""

import pytest
import torch
from ganreg_classic import ConvDiscriminator, DCGANDiscriminator, DCGANGenerator, MLPDiscriminator, MLPGenerator
from pydantic import ValidationError

from ganreg import Generator, Task

NORMALIZATIONS = ("none", "batch", "spectral")
SMALL = [
    DCGANGenerator(width=4, max_width=16, label_size=3),
    MLPGenerator(widths=(8, 6), label_size=3),
    ConvDiscriminator(widths=(4, 6)),
    MLPDiscriminator(widths=(8, 6)),
    *(DCGANDiscriminator(width=4, max_width=16, normalization=n) for n in NORMALIZATIONS),
]
each = pytest.mark.parametrize(
    "component", SMALL, ids=lambda c: f"{c.kind}-{c.name}-{getattr(c, 'normalization', 'plain')}"
)


def given(component, task, count):
    """A batch of what the network of a component takes."""
    return torch.rand(count, task.latent) if isinstance(component, Generator) else torch.rand(count, *task.image)


@each
def test_a_conditional_network_asks_for_labels(component):
    task = Task((1, 8, 8), 5, classes=3)
    with pytest.raises(ValueError, match="needs labels"):
        component.build(task)(given(component, task, 2))


@each
def test_networks_are_built_and_called_without_memory(component):
    task = Task((3, 64, 64), 5, classes=2)
    with torch.device("meta"):
        network = component.build(task)
        output = network(given(component, task, 2), torch.empty(2, dtype=torch.long))
    found, shape = (output, (2, 3, 64, 64)) if isinstance(component, Generator) else (output.logits, (2,))
    assert found.is_meta
    assert found.shape == shape
    assert all(p.is_meta for p in network.parameters())


@pytest.mark.parametrize("image", [(3, 30, 30), (3, 32, 64), (1, 7, 7)])
@pytest.mark.parametrize("component", [DCGANGenerator, DCGANDiscriminator])
def test_dcgan_refuses_sizes_that_it_cannot_halve(component, image):
    with pytest.raises(ValueError, match="side 4, 8, 16"):
        component().check(Task(image, 5))


@pytest.mark.parametrize(
    ("component", "wrong"),
    [
        (MLPGenerator, {"widths": ()}),
        (MLPGenerator, {"widths": (8, 0)}),
        (MLPGenerator, {"shape": (3, 64)}),
        (MLPGenerator, {"label_size": 0}),
        (DCGANGenerator, {"width": 0}),
        (DCGANGenerator, {"max_width": -1}),
        (DCGANGenerator, {"depth": 3}),
        (ConvDiscriminator, {"widths": ()}),
        (ConvDiscriminator, {"dropout": 1.0}),
        (ConvDiscriminator, {"dropout": -0.1}),
        (MLPDiscriminator, {"widths": (0,)}),
        (DCGANDiscriminator, {"width": 0}),
        (DCGANDiscriminator, {"normalization": "layer"}),
    ],
    ids=str,
)
def test_parameters_out_of_range_are_refused(component, wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        component(**wrong)
