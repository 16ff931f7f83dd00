"""CycleGAN: two generators, two discriminators, unpaired data."""

import pytest

from ganreg import GanregError

CYCLEGAN = {
    "game": {"name": "proofs/tiny-cyclegan", "cycle": 10},
    "data": "tiny-unpaired",
    "generator": "tiny-translator",
    "discriminator": "tiny-patches",
    "loss": "classic/least-squares",
}
ONE_SHAPE = CYCLEGAN | {
    "game": {"name": "proofs/tiny-cyclegan", "cycle": 10, "identity": 0.5},
    "data": {"name": "tiny-unpaired", "channels": 3, "source_channels": 3},
}


def test_the_dry_run_passes(run):
    found = run(**CYCLEGAN).check()
    assert found.terms == ("discriminator/a", "discriminator/b", "generator/a", "generator/b", "generator/cycle")
    assert [found.networks[name].takes for name in ("generator_ab", "generator_ba")] == ["(1, 8, 8)", "(3, 8, 8)"]
    assert [found.networks[name].gives for name in ("generator_ab", "generator_ba")] == ["(3, 8, 8)", "(1, 8, 8)"]


def test_identity_needs_one_shape(run):
    with pytest.raises(GanregError, match="identity terms need domains of one shape"):
        run(**CYCLEGAN | {"game": ONE_SHAPE["game"]})


@pytest.mark.parametrize("spec", [CYCLEGAN, ONE_SHAPE], ids=["two shapes", "one shape, with identity"])
def test_the_update_is_the_papers(reference, spec):
    by_hand = reference(**spec)
    ab, ba = by_hand["generator_ab"], by_hand["generator_ba"]
    judge_a, judge_b = by_hand["discriminator_a"], by_hand["discriminator_b"]
    move_generators = by_hand.adam("generator_ab", "generator_ba")
    move_discriminators = by_hand.adam("discriminator_a", "discriminator_b")

    for step in range(3):
        a, b = by_hand.batch(step).source, by_hand.batch(step).images
        move_discriminators(
            0.5 * (judge_a(a) - 1).square().mean()
            + 0.5 * judge_a(ba(b)).square().mean()
            + 0.5 * (judge_b(b) - 1).square().mean()
            + 0.5 * judge_b(ab(a)).square().mean()
        )
        loss = 0.5 * (judge_b(ab(a)) - 1).square().mean() + 0.5 * (judge_a(ba(b)) - 1).square().mean()
        loss = loss + 10 * ((ba(ab(a)) - a).abs().mean() + (ab(ba(b)) - b).abs().mean())
        if spec is ONE_SHAPE:
            loss = loss + 5 * ((ab(b) - b).abs().mean() + (ba(a) - a).abs().mean())
        move_generators(loss)
    by_hand.assert_reached(steps=3)


def test_a_run_survives(survives):
    survives(**CYCLEGAN)
