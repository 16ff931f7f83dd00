"""Path length regularization: a lazy penalty of the generator with a running mean."""

import pytest
import torch

from ganreg import GanregError

PATH_LENGTH = {
    "generator": "tiny-mapped",
    "loss": "proofs/tiny-non-saturating",
    "penalties": [{"name": "proofs/tiny-path-length", "weight": 2, "every": 2, "decay": 0.1}],
}


def mean_of(state):
    return float(state["parts"]["penalties.tiny-path-length"]["mean"])


def test_the_dry_run_passes(run):
    assert run(**PATH_LENGTH).check().terms == ("discriminator/loss", "generator/loss", "generator/tiny-path-length")


def test_the_mapping_is_asked_for(run):
    with pytest.raises(GanregError, match=r"needs mapping(.|\n)*provided by: generator proofs/tiny-mapped"):
        run(**PATH_LENGTH | {"generator": "tiny-generator"})


def test_the_update_is_the_papers(reference):
    by_hand = reference(**PATH_LENGTH)
    generator, discriminator = by_hand["generator"], by_hand["discriminator"]
    move_generator, move_discriminator = by_hand.adam("generator"), by_hand.adam("discriminator")
    a = torch.zeros(())

    for step in range(3):
        real = discriminator(by_hand.batch(step).images)
        fake = discriminator(generator(by_hand.z(step, "discriminator")))
        move_discriminator(-real.sigmoid().log().mean() - (1 - fake.sigmoid()).log().mean())
        z = by_hand.z(step, "generator")
        loss = -discriminator(generator(z)).sigmoid().log().mean()
        if step % 2 == 0:
            w = generator.mapping(z)
            y = by_hand.random("path-length", step, "generator").normal(4, 1, 8, 8) / 8
            (jacobian_y,) = torch.autograd.grad((generator.synthesis(w) * y).sum(), w, create_graph=True)
            lengths = jacobian_y.norm(dim=1)
            a = 0.9 * a + 0.1 * lengths.mean().detach()
            loss = loss + 2 * 2 * ((lengths - a) ** 2).mean()
        move_generator(loss)
    by_hand.assert_reached(steps=3)
    assert mean_of(by_hand.match.state()) == pytest.approx(float(a), abs=1e-6)
    assert a > 0.01


def test_a_run_survives_with_its_mean(survives):
    state = survives(after=3, steps=4, **PATH_LENGTH)
    assert mean_of(state) > 0
