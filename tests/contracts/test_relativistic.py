"""A relativistic average loss, of hinge and of any other."""

import pytest

MARGIN = 0.02
"""So narrow that some logits are beyond it and some are not: elsewhere hinge is linear, and averages do not show."""

RAHINGE = {"loss": {"name": "proofs/tiny-relativistic", "base": {"name": "classic/hinge", "margin": MARGIN}}}


def test_the_dry_run_passes(run):
    assert run(**RAHINGE).check().terms == ("discriminator/loss", "generator/loss")


def test_the_update_is_the_papers(reference):
    by_hand = reference(**RAHINGE)
    generator, discriminator = by_hand["generator"], by_hand["discriminator"]
    move_generator, move_discriminator = by_hand.adam("generator"), by_hand.adam("discriminator")

    def logits(step, player):
        real = discriminator(by_hand.batch(step).images)
        fake = discriminator(generator(by_hand.z(step, player)))
        return real - fake.mean(), fake - real.mean()

    for step in range(3):
        real, fake = logits(step, "discriminator")
        move_discriminator((MARGIN - real).relu().mean() + (MARGIN + fake).relu().mean())
        real, fake = logits(step, "generator")
        move_generator((MARGIN + real).relu().mean() + (MARGIN - fake).relu().mean())
    by_hand.assert_reached(steps=3)


@pytest.mark.parametrize("base", ["non-saturating", "least-squares", "wasserstein"])
def test_any_base_will_do(run, base):
    run(loss={"name": "proofs/tiny-relativistic", "base": f"classic/{base}"}).check()


def test_a_run_survives(survives):
    survives(**RAHINGE)
