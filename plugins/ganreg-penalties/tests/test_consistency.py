"""Consistency regularization, against its formulas, augmented pictures made by hand."""

import pytest
import torch
from ganreg_penalties import BalancedConsistency, Consistency, Drift, LatentConsistency

from ganreg import Augmentation, component


class Noise(Augmentation, name="noise"):
    """Normal noise of standard deviation ½."""

    def __call__(self, images, random):
        return images + 0.5 * random.normal(*images.shape)


def noisy(images, random):
    return images + 0.5 * random.normal(4, 1, 4, 4)


@pytest.mark.parametrize("conditional", [False, True], ids=["unconditional", "conditional"])
def test_cr_compares_real_pictures_with_their_augmentation(make_play, stream, assert_same, conditional):
    play = make_play(conditional=conditional)
    network, labels = play.networks["discriminator"], play.labels
    difference = network(play.real, labels) - network(noisy(play.real, stream("consistency")), labels)
    value = Consistency(augment=Noise())(play)
    assert_same(value, sum(difference[k] ** 2 for k in range(4)) / 4, network)


def test_bcr_compares_both_sides(make_play, stream, assert_same):
    play = make_play()
    network = play.networks["discriminator"]
    expected = 0
    for draw, images in enumerate((play.real, play.fake), start=1):
        difference = network(images) - network(noisy(images, stream("consistency", draw=draw)))
        expected = expected + (difference**2).mean()
    assert_same(BalancedConsistency(augment=Noise())(play), expected, network)


@pytest.mark.needs("ganreg-augment")
def test_cr_mirrors_and_moves_unless_it_is_told_otherwise():
    flip, shift = component("penalty", "penalties/consistency").augment.parts
    assert flip.name == "flip"
    assert shift.pixels == 4


def test_zcr_of_the_discriminator_holds_nearby_pictures_together(make_play, stream, assert_same):
    play = make_play()
    network, generator = play.networks["discriminator"], play.networks["generator"]
    nearby = generator(play.z + 0.2 * stream("latent-consistency").normal(4, 4))
    expected = ((network(play.fake) - network(nearby)) ** 2).mean()
    assert_same(LatentConsistency(sigma=0.2)(play), expected, network)


@pytest.mark.parametrize("conditional", [False, True], ids=["unconditional", "conditional"])
def test_zcr_of_the_generator_drives_them_apart(make_play, stream, assert_same, conditional):
    play = make_play("generator", conditional=conditional)
    generator = play.networks["generator"]
    nearby = generator(play.z + 0.2 * stream("latent-consistency", "generator").normal(4, 4), play.labels)
    expected = -((generator(play.z, play.labels) - nearby) ** 2).sum() / (4 * 16)
    assert_same(LatentConsistency(side="generator", sigma=0.2)(play), expected, generator)
    assert expected < 0


def test_scales_are_summed(make_play, parts, stream):
    play = make_play(discriminator=parts["two-scales"]())
    noise = 0.5 * stream("consistency").normal(4, 1, 4, 4)
    expected = ((0.25 * noise) ** 2).mean() + ((0.5 * noise.sum(dim=(1, 2, 3))) ** 2).mean()
    value = Consistency(augment=Noise())(play)
    assert value.item() == pytest.approx(expected.item(), rel=1e-5)


def test_drift_is_the_mean_square_of_what_is_said_of_real_pictures(make_play, assert_same):
    play = make_play()
    network = play.networks["discriminator"]
    logits = network(play.real)
    assert_same(Drift()(play), sum(logits[k] ** 2 for k in range(4)) / 4, network)


def test_the_runs_own_augmentation_acts_on_both(make_match, make_play):
    class Half(Augmentation, name="half"):
        def __call__(self, images, random):
            return images / 2

    play = make_play(match=make_match(augment=Half()))
    network = play.networks["discriminator"]
    mirrored = Consistency(augment=Half())(play)
    expected = ((network(play.real / 2) - network(play.real / 4)) ** 2).mean()
    torch.testing.assert_close(mirrored, expected)
