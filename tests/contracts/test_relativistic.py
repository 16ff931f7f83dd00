"""A relativistic average loss, of hinge and of any other."""

import pytest
import torch
from torch import nn

from ganreg import Loss, component
from ganreg.engine.state import same

MARGIN = 0.02
"""So narrow that some logits are beyond it and some are not: elsewhere hinge is linear, and averages do not show."""

RAHINGE = {"loss": {"name": "proofs/tiny-relativistic", "base": {"name": "proofs/tiny-hinge", "margin": MARGIN}}}


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
    run(loss={"name": "proofs/tiny-relativistic", "base": f"proofs/tiny-{base}"}).check()


def test_the_state_of_the_base_is_kept(run):
    """A base with state is built, told of updates and saved, though the relativistic loss says nothing of it."""
    combined = {"loss": component("loss", "proofs/tiny-relativistic", base=Counting())}
    match, other = (run(**combined).assemble().match for _ in range(2))
    match.step()
    match.step()
    assert int(match.state()["parts"]["loss.base"]["updates"]) == 4
    other.load(match.state())
    assert same(other.state(), match.state())


class Counting(Loss, name="counting"):
    """Wasserstein, which counts the updates of both players."""

    def build(self, task):
        return CountingModule()


class CountingModule(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def discriminator(self, real, fake):
        return fake.logits.mean() - real.logits.mean()

    def after_update(self, play):
        self.updates += 1


def test_a_run_survives(survives):
    survives(**RAHINGE)
