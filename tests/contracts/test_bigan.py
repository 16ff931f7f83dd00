"""BiGAN: an encoder beside the generator, and a discriminator of pairs."""

import pytest
import torch

from ganreg import GanregError

BIGAN = {
    "game": "proofs/tiny-bigan",
    "encoder": "tiny-encoder",
    "discriminator": "tiny-pairs",
    "loss": "proofs/tiny-non-saturating",
}


def test_the_dry_run_passes(run):
    found = run(**BIGAN).check()
    assert found.networks["encoder"].gives == "(6)"


def test_the_pairs_are_asked_for(run):
    with pytest.raises(GanregError, match=r"needs pairs(.|\n)*provided by: discriminator proofs/tiny-pairs"):
        run(**BIGAN | {"discriminator": "tiny-discriminator"})


def test_parts_that_know_no_pairs_join_in(run):
    """ADA asks for the discriminator's output on the real side, and the game knows what that is."""
    run(**BIGAN, augment="proofs/tiny-ada").check()


def test_the_update_is_the_papers(reference):
    by_hand = reference(**BIGAN)
    generator, encoder, discriminator = (by_hand[name] for name in ("generator", "encoder", "discriminator"))
    move_both, move_discriminator = by_hand.adam("generator", "encoder"), by_hand.adam("discriminator")

    def judged(step, player):
        """D(x, E(x)) and D(G(z), z), as probabilities."""
        x, z = by_hand.batch(step).images, by_hand.z(step, player)
        return discriminator(x, latent=encoder(x)).sigmoid(), discriminator(generator(z), latent=z).sigmoid()

    for step in range(3):
        encoded, generated = judged(step, "discriminator")
        move_discriminator(-torch.log(encoded).mean() - torch.log(1 - generated).mean())
        encoded, generated = judged(step, "generator")
        move_both(-torch.log(generated).mean() - torch.log(1 - encoded).mean())
    by_hand.assert_reached(steps=3)


def test_a_run_survives(survives):
    survives(**BIGAN)
