"""Discriminators of several scales, with feature matching."""

import pytest
from torch.nn.functional import avg_pool2d

from ganreg import GanregError

MULTISCALE = {
    "discriminator": {"name": "tiny-multiscale", "scales": 2},
    "loss": {"name": "proofs/tiny-feature-matching", "base": "proofs/tiny-least-squares", "weight": 10},
}


def test_the_dry_run_passes(run):
    assert run(**MULTISCALE).check().networks["discriminator"].gives == "(1, 4, 4) + (1, 2, 2)"


def test_the_features_are_asked_for(run):
    with pytest.raises(GanregError, match=r"needs features(.|\n)*proofs/tiny-multiscale"):
        run(**MULTISCALE | {"discriminator": "tiny-discriminator"})


def test_the_update_is_the_papers(reference):
    by_hand = reference(**MULTISCALE)
    generator, discriminator = by_hand["generator"], by_hand["discriminator"]
    move_generator, move_discriminator = by_hand.adam("generator"), by_hand.adam("discriminator")

    def scales(images):
        """Each scale's logits and features."""
        for scale in discriminator.scales:
            yield scale(images)
            images = avg_pool2d(images, 2)

    for step in range(3):
        x = by_hand.batch(step).images
        generated = generator(by_hand.z(step, "discriminator"))
        move_discriminator(
            sum(0.5 * (real - 1).square().mean() for real, _ in scales(x))
            + sum(0.5 * fake.square().mean() for fake, _ in scales(generated))
        )
        loss = 0
        generated = generator(by_hand.z(step, "generator"))
        for (judged, features), (_, wanted) in zip(scales(generated), scales(x), strict=True):
            loss = loss + 0.5 * (judged - 1).square().mean()
            loss = loss + 10 * sum((w - f).abs().sum() / f.numel() for w, f in zip(wanted, features, strict=True))
        move_generator(loss)
    by_hand.assert_reached(steps=3)


def test_a_run_survives(survives):
    survives(**MULTISCALE)
