"""Every augmentation passes gradients, and their gradients, and treats each picture by itself."""

import pytest
import torch
from ganreg_augment import (
    ADA,
    Blur,
    Chain,
    ColorJitter,
    DiffAugment,
    FixedADA,
    Flip,
    Grayscale,
    InstanceNoise,
    ResizedCrop,
    Scheduled,
    Shift,
)
from ganreg_augment.transforms.pipeline import GROUPS
from torch.autograd import gradcheck, gradgradcheck

from ganreg.engine.streams import Share, Stream

EVERY = [
    Flip(),
    Shift(pixels=2),
    InstanceNoise(),
    Blur(sigma=0.8, least=0.1),
    ResizedCrop(),
    ColorJitter(),
    Grayscale(p=0.5),
    Chain(parts=(Flip(), Shift())),
    Scheduled(base=Flip(), start=0.5),
    *(DiffAugment(policy=[policy]) for policy in ("color", "translation", "cutout")),
    *(FixedADA(p=0.9, groups=[group]) for group in GROUPS),
    ADA(initial=0.9, groups=list(GROUPS)),
]
CLASSIC = pytest.mark.needs("ganreg-classic")
DCGAN = {"name": "classic/dcgan", "width": 4}


NAMED = pytest.mark.parametrize(
    "part", EVERY, ids=lambda p: "-".join([p.name, *getattr(p, "groups", getattr(p, "policy", ()))])
)


@NAMED
def test_derivatives_agree_with_differences(pictures, stream, part):
    built = part.build(None)
    images = pictures(count=2, channels=3, height=3, width=3).requires_grad_()

    def cubed(images):
        return built(images, stream()) ** 3

    assert gradcheck(cubed, images, fast_mode=True)
    assert gradgradcheck(cubed, images, fast_mode=True)


@NAMED
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_picture_looks_the_same_in_whatever_parts_a_batch_is_cut(pictures, part, rows):
    images, built = pictures(count=6, channels=3, height=8, width=8), part.build(None)

    def shown(images, share=None):
        return built(images, Stream(torch.device("cpu"), 3, "test", share=share))

    whole = shown(images)
    assert not torch.equal(whole, images)
    cut = [shown(images[k : k + rows], Share(k, rows, 6)) for k in range(0, 6, rows)]
    torch.testing.assert_close(torch.cat(cut), whole)


@pytest.mark.parametrize(
    ("generator", "discriminator", "penalty"),
    [
        ("proofs/tiny-generator", "proofs/tiny-discriminator", "proofs/tiny-r1"),
        pytest.param(DCGAN, DCGAN, "classic/r1", marks=CLASSIC),
        pytest.param(DCGAN, DCGAN, "classic/gradient-penalty", marks=CLASSIC),
    ],
)
def test_penalties_differentiate_through_all_of_it(make_match, generator, discriminator, penalty):
    match = make_match(
        generator=generator,
        discriminator=discriminator,
        augment={"name": "ada-fixed", "p": 0.8, "groups": list(GROUPS)},
        penalties=[penalty],
    )
    match.gradients("discriminator")
    found = [p.grad for p in match.networks["discriminator"].parameters() if p.dim() > 1]
    assert all(g is not None and g.isfinite().all() and g.any() for g in found)
    match.apply("discriminator")
    match.update("generator")
