"""Progressive growing: networks that gain layers while they train."""

import pytest
import torch
from ganreg_proofs.networks.progressive import GrowingGenerator as GrowingGeneratorNetwork
from torch.nn.functional import adaptive_avg_pool2d

from ganreg import GanregError, Generator

PROGRESSIVE = {
    "data": {"name": "tiny-pictures", "side": 16},
    "generator": "proofs/tiny-growing",
    "discriminator": "proofs/tiny-growing",
    "schedule": {"name": "proofs/tiny-progressive", "stages": 3, "stage_steps": 3, "fade_steps": 2},
    "loss": "proofs/tiny-wasserstein",
}


def test_the_dry_run_passes(run):
    found = run(**PROGRESSIVE).check()
    assert found.networks["generator"].gives == "(1, 16, 16)"


class StuntedNetwork(GrowingGeneratorNetwork):
    def set_stage(self, index, fade):
        super().set_stage(min(index, 1), fade)


class Stunted(Generator, name="stunted"):
    """Stays at the second stage."""

    def build(self, task):
        return StuntedNetwork(task.latent, task.image[0], width=4)


def test_the_dry_run_sees_every_stage(run):
    with pytest.raises(GanregError, match=r"'stunted' makes \(1, 8, 8\) images(.|\n)*\(1, 16, 16\)"):
        run(**PROGRESSIVE | {"generator": Stunted()}).check()


def test_the_last_stage_must_be_the_datas(run):
    with pytest.raises(GanregError, match="3 stages end at square pictures of side 16"):
        run(**PROGRESSIVE | {"data": "tiny-pictures"})


def test_the_update_is_the_papers(reference):
    by_hand = reference(**PROGRESSIVE)
    generator, discriminator = by_hand["generator"], by_hand["discriminator"]
    move_generator, move_discriminator = by_hand.adam("generator"), by_hand.adam("discriminator")
    average = {}

    for step, (stage, alpha) in enumerate([(0, 1), (0, 1), (0, 1), (1, 0), (1, 0.5), (1, 1), (2, 0), (2, 0.5)]):
        by_hand.stage(stage, alpha)
        if alpha == 0:
            move_generator.follow(generator)
            move_discriminator.follow(discriminator)
        average = {name: average.get(name, now.clone()) for name, now in generator.state_dict().items()}
        real = adaptive_avg_pool2d(by_hand.batch(step).images, 4 * 2**stage)
        if alpha < 1:
            coarse = adaptive_avg_pool2d(real, 2 * 2**stage).repeat_interleave(2, 2).repeat_interleave(2, 3)
            real = (1 - alpha) * coarse + alpha * real
        fake = generator(by_hand.z(step, "discriminator"))
        move_discriminator(discriminator(fake).mean() - discriminator(real).mean())
        move_generator(-discriminator(generator(by_hand.z(step, "generator"))).mean())
        for name, now in generator.state_dict().items():
            average[name] += (1 - min(0.999, (1 + step) / (10 + step))) * (now - average[name])

    by_hand.assert_reached(steps=8)
    average["alpha"] = generator.alpha
    torch.testing.assert_close(by_hand.match.state()["ema"]["generator"], average, rtol=0, atol=1e-6)


@pytest.mark.parametrize("after", [3, 4, 7], ids=["before the change", "while fading in", "two stages on"])
def test_a_run_survives_its_growth(survives, after):
    state = survives(after=after, steps=8, **PROGRESSIVE)
    assert state["stage"]["index"] == 2
