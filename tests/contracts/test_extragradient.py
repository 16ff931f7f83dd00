"""Extragradient: gradients at a point that is only looked at."""

from copy import deepcopy

import torch

RATE = 0.1
SGD = {"name": "classic/sgd", "lr": RATE}
EXTRAGRADIENT = {
    "schedule": "proofs/tiny-extragradient",
    "optimizers": {"generator": SGD, "discriminator": SGD},
}


def test_the_dry_run_passes(run):
    assert run(**EXTRAGRADIENT).check().terms == ("generator/loss", "discriminator/loss")


def test_the_update_is_the_papers(reference):
    by_hand = reference(**EXTRAGRADIENT)

    def field(networks, step, turn):
        """F(ω): the gradient of each player's own loss at the same point."""
        generator, discriminator = networks["generator"], networks["discriminator"]
        real = discriminator(by_hand.batch(2 * step + turn).images)
        fake = discriminator(generator(by_hand.z(step, "discriminator", turn)))
        judged = discriminator(generator(by_hand.z(step, "generator", turn)))
        return {
            "generator": torch.autograd.grad(-judged.mean(), list(generator.parameters())),
            "discriminator": torch.autograd.grad(
                (1 - real).relu().mean() + (1 + fake).relu().mean(), list(discriminator.parameters())
            ),
        }

    for step in range(3):
        ahead = deepcopy(by_hand.networks)
        move(ahead, field(by_hand.networks, step, turn=0))
        move(by_hand.networks, field(ahead, step, turn=1))
    by_hand.assert_reached(steps=3)


@torch.no_grad()
def move(networks, gradients):
    """ω - η F."""
    for name, network in networks.items():
        for weight, gradient in zip(network.parameters(), gradients[name], strict=True):
            weight -= RATE * gradient


def test_a_run_survives(survives):
    survives(**EXTRAGRADIENT)
