"""AC-GAN: class logits, and the labels that they are held against."""

import pytest
import torch

from ganreg import GanregError

RATE = 0.01
ACGAN = {
    "data": {"name": "tiny-pictures", "classes": 3},
    "conditional": True,
    "discriminator": "tiny-auxiliary",
    "loss": {"name": "proofs/tiny-acgan", "base": "proofs/tiny-non-saturating"},
}


def test_the_dry_run_passes(run):
    found = run(**ACGAN).check()
    assert found.task.classes == 3
    assert not found.warnings


def test_class_logits_are_asked_for(run):
    with pytest.raises(GanregError, match=r"needs class_logits(.|\n)*proofs/tiny-auxiliary"):
        run(**ACGAN | {"discriminator": "tiny-discriminator"})


def test_classes_are_asked_for(run):
    with pytest.raises(GanregError, match="the run has no classes"):
        run(**ACGAN | {"conditional": False})


@pytest.mark.parametrize("relativistic", [False, True])
def test_the_update_is_the_papers(reference, relativistic):
    base = {"name": "proofs/tiny-relativistic", "base": "proofs/tiny-non-saturating"}
    spec = ACGAN | ({"loss": {"name": "proofs/tiny-acgan", "base": base}} if relativistic else {})
    # A relativistic loss does not depend on the head's bias: what rounding leaves of its gradient is 1e-9 or so, which
    # Adam would scale to whole steps of either sign with an eps as small as that.
    adam = {"name": "proofs/tiny-adam", "lr": RATE, "eps": 1e-2}
    by_hand = reference(**spec, optimizers={"generator": adam, "discriminator": adam})
    generator, discriminator = by_hand["generator"], by_hand["discriminator"]
    move_generator, move_discriminator = by_hand.adam("generator"), by_hand.adam("discriminator")

    def judged(step, player):
        """P(S|X), and log P(C = c|X), of real and generated pictures."""
        batch = by_hand.batch(step)
        seen = discriminator(batch.images), discriminator(generator(by_hand.z(step, player), batch.labels))
        logits = [output.logits for output in seen]
        if relativistic:
            logits = logits[0] - logits[1].mean(), logits[1] - logits[0].mean()
        right = [output.class_logits.softmax(1)[torch.arange(4), batch.labels] for output in seen]
        return *(one.sigmoid() for one in logits), *(one.log().mean() for one in right)

    for step in range(3):
        real, fake, real_class, fake_class = judged(step, "discriminator")
        move_discriminator(-torch.log(real).mean() - torch.log(1 - fake).mean() - real_class - fake_class)
        real, fake, _, fake_class = judged(step, "generator")
        loss = -torch.log(fake).mean() - fake_class
        move_generator(loss - torch.log(1 - real).mean() if relativistic else loss)
    by_hand.assert_reached(steps=3)


def test_a_run_survives(survives):
    survives(**ACGAN)
