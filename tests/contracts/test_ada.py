"""ADA: an augmentation whose strength follows the discriminator."""

import pytest
import torch

ADA = {
    "augment": {"name": "proofs/tiny-ada", "initial": 0.5, "interval": 3, "length": 40, "target": 0.1},
    "loss": "proofs/tiny-non-saturating",
}


def test_the_dry_run_passes(run):
    run(**ADA).check()


def test_the_update_is_the_papers(reference):
    by_hand = reference(**ADA)
    generator, discriminator = by_hand["generator"], by_hand["discriminator"]
    move_generator, move_discriminator = by_hand.adam("generator"), by_hand.adam("discriminator")
    p, gathered = 0.5, []

    def augmented(images, step, player, draw):
        random = by_hand.random("augment", step, player, draw=draw)
        mirrored = random.uniform(4, 1, 1, 1) < p / 2
        brightness, lit = random.normal(4, 1, 1, 1), random.uniform(4, 1, 1, 1) < p
        return mirrored * images.flip(3) + ~mirrored * images + 0.2 * brightness * lit

    for step in range(5):
        real = discriminator(augmented(by_hand.batch(step).images, step, "discriminator", draw=1))
        fake = discriminator(augmented(generator(by_hand.z(step, "discriminator")), step, "discriminator", draw=2))
        move_discriminator(-real.sigmoid().log().mean() - (1 - fake.sigmoid()).log().mean())
        gathered.append(real.detach().sign())
        if len(gathered) == 3:
            overfitting = torch.cat(gathered).mean() - 0.1
            p = min(max(p + float(overfitting.sign()) * 3 * 4 / 40, 0), 1)
            gathered = []
        fake = discriminator(augmented(generator(by_hand.z(step, "generator")), step, "generator", draw=1))
        move_generator(-fake.sigmoid().log().mean())

    by_hand.assert_reached(steps=5)
    state = by_hand.match.state()["parts"]["augment"]
    assert float(state["p"]) == pytest.approx(p)
    assert p != 0.5
    assert float(state["signs"]) == float(torch.cat(gathered).sum())


def test_a_run_survives_with_its_p(survives):
    """The interrupt comes in the middle of an interval."""
    state = survives(after=2, steps=4, **ADA)
    assert float(state["parts"]["augment"]["p"]) != 0.5
