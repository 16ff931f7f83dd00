"""LOGAN: a step of the latent inside the players' gradients."""

import pytest
import torch

LOGAN = {
    "schedule": {"name": "proofs/tiny-logan", "rate": 0.9, "damping": 0.5},
    "latent": {"size": 6, "distribution": "uniform"},
    "loss": "proofs/tiny-wasserstein",
    "penalties": [{"name": "tiny-latent-step", "side": side, "weight": 0.3} for side in ("generator", "discriminator")],
}


def test_the_dry_run_passes(run):
    found = run(**LOGAN).check()
    assert {"generator/tiny-latent-step", "discriminator/tiny-latent-step.2"} <= set(found.terms)


@pytest.mark.parametrize("conditional", [False, True])
def test_the_update_is_the_papers(reference, conditional):
    data = {"name": "tiny-pictures", "classes": 3}
    by_hand = reference(**LOGAN | {"conditional": conditional, "data": data})
    generator, discriminator = by_hand["generator"], by_hand["discriminator"]
    move_generator, move_discriminator = by_hand.adam("generator"), by_hand.adam("discriminator")

    def f(z, labels):
        """f(z) = D(G(z))."""
        return discriminator(generator(z, labels), labels)

    def optimized(z, labels):
        """z' = [z + Δz], with Δz by natural gradient."""
        z = z.clone().requires_grad_()
        (g,) = torch.autograd.grad(f(z, labels).sum(), z, create_graph=True)
        return torch.clamp(z + 0.9 * g / (0.5 + (g * g).sum(1, keepdim=True)), -1, 1)

    for step in range(3):
        images, labels = by_hand.batch(step).images, by_hand.batch(step).labels
        z = by_hand.z(step, "generator")
        refined = optimized(z, labels)
        move_generator.look(-f(refined, labels).mean() + 0.3 * ((refined - z) ** 2).sum(1).mean())
        z = by_hand.z(step, "discriminator")
        refined = optimized(z, labels)
        distance = f(refined, labels).mean() - discriminator(images, labels).mean()
        move_discriminator.look(distance + 0.3 * ((refined - z) ** 2).sum(1).mean())
        move_generator.step()
        move_discriminator.step()
    by_hand.assert_reached(steps=3)


def test_a_run_survives(survives):
    survives(**LOGAN)
