"""CycleGAN: two generators, two discriminators, unpaired data."""

import pytest
import torch

from ganreg import GanregError

CYCLEGAN = {
    "game": {"name": "proofs/tiny-cyclegan", "cycle": 10, "pool": 6},
    "data": "tiny-unpaired",
    "generator": "tiny-translator",
    "discriminator": "tiny-patches",
    "loss": "proofs/tiny-least-squares",
}
ONE_SHAPE = CYCLEGAN | {
    "game": {"name": "proofs/tiny-cyclegan", "cycle": 10, "identity": 0.5, "pool": 6},
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


class Pool:
    """The pool of section 4, picture by picture."""

    def __init__(self):
        self.pictures = []
        self.swaps = 0

    def __call__(self, images, random):
        odds, places = random.uniform(4).tolist(), random.integers(6, 4).tolist()
        return torch.stack([self.exchange(*each) for each in zip(images.detach(), odds, places, strict=True)])

    def exchange(self, image, odd, place):
        if len(self.pictures) < 6:
            self.pictures.append(image)
        elif odd < 0.5:
            self.swaps += 1
            image, self.pictures[place] = self.pictures[place], image
        return image


@pytest.mark.parametrize("spec", [CYCLEGAN, ONE_SHAPE], ids=["two shapes", "one shape, with identity"])
def test_the_update_is_the_papers(reference, spec):
    by_hand = reference(**spec)
    ab, ba = by_hand["generator_ab"], by_hand["generator_ba"]
    judge_a, judge_b = by_hand["discriminator_a"], by_hand["discriminator_b"]
    move_generators = by_hand.adam("generator_ab", "generator_ba")
    move_discriminators = by_hand.adam("discriminator_a", "discriminator_b")
    pool_a, pool_b = Pool(), Pool()

    for step in range(4):
        a, b = by_hand.batch(step).source, by_hand.batch(step).images
        former_a = pool_a(ba(b), by_hand.random("pool", step, "discriminator", draw=1))
        former_b = pool_b(ab(a), by_hand.random("pool", step, "discriminator", draw=2))
        move_discriminators(
            0.5 * (judge_a(a) - 1).square().mean()
            + 0.5 * judge_a(former_a).square().mean()
            + 0.5 * (judge_b(b) - 1).square().mean()
            + 0.5 * judge_b(former_b).square().mean()
        )
        loss = 0.5 * (judge_b(ab(a)) - 1).square().mean() + 0.5 * (judge_a(ba(b)) - 1).square().mean()
        loss = loss + 10 * ((ba(ab(a)) - a).abs().mean() + (ab(ba(b)) - b).abs().mean())
        if spec is ONE_SHAPE:
            loss = loss + 5 * ((ab(b) - b).abs().mean() + (ba(a) - a).abs().mean())
        move_generators(loss)
    by_hand.assert_reached(steps=4)
    assert pool_a.swaps > 0
    assert pool_b.swaps > 0
    kept = by_hand.match.state()["parts"]["game"]
    torch.testing.assert_close(kept["pools.a.pictures"], torch.stack(pool_a.pictures), rtol=0, atol=1e-6)
    torch.testing.assert_close(kept["pools.b.pictures"], torch.stack(pool_b.pictures), rtol=0, atol=1e-6)


def test_a_run_survives_with_its_pools(survives):
    state = survives(**CYCLEGAN)
    assert int(state["parts"]["game"]["pools.a.count"]) == 6
