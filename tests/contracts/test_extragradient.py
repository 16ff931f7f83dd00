"""Extragradient: gradients at a point that is only looked at."""

from copy import deepcopy

import torch

from ganreg.engine.state import same

RATE = 0.1
SGD = {"name": "proofs/tiny-sgd", "lr": RATE}
EXTRASGD = {"schedule": "proofs/tiny-extragradient", "optimizers": {"generator": SGD, "discriminator": SGD}}
EXTRAADAM = {"schedule": {"name": "proofs/tiny-extragradient", "moments": True}}


def test_the_dry_run_passes(run):
    assert run(**EXTRASGD).check().terms == ("generator/loss", "discriminator/loss")


def field(by_hand, networks, step, turn):
    """F(ω): the gradient of each player's own loss at the same point, by network and weight."""
    generator, discriminator = networks["generator"], networks["discriminator"]
    real = discriminator(by_hand.batch(2 * step + turn).images)
    fake = discriminator(generator(by_hand.z(step, "discriminator", turn)))
    judged = discriminator(generator(by_hand.z(step, "generator", turn)))
    losses = {
        "generator": -judged.mean(),
        "discriminator": (1 - real).relu().mean() + (1 + fake).relu().mean(),
    }
    return {name: torch.autograd.grad(loss, list(networks[name].parameters())) for name, loss in losses.items()}


@torch.no_grad()
def move(networks, steps):
    """ω + step."""
    for name, network in networks.items():
        for weight, step in zip(network.parameters(), steps[name], strict=True):
            weight += step


def test_the_update_is_the_papers(reference):
    by_hand = reference(**EXTRASGD)

    def downhill(networks, step, turn):
        gradients = field(by_hand, networks, step, turn)
        return {name: [-RATE * g for g in gradients[name]] for name in networks}

    for step in range(3):
        ahead = deepcopy(by_hand.networks)
        move(ahead, downhill(by_hand.networks, step, turn=0))
        move(by_hand.networks, downhill(ahead, step, turn=1))
    by_hand.assert_reached(steps=3)


def test_extra_adam_is_the_papers(reference):
    """Algorithm 4: the moments m and v go on from the look ahead, and bias is corrected for both half steps."""
    by_hand = reference(**EXTRAADAM)
    m = {name: [torch.zeros_like(w) for w in network.parameters()] for name, network in by_hand.networks.items()}
    v, halves = deepcopy(m), 0

    def adam(gradients):
        steps = {}
        for name, found in gradients.items():
            m[name] = [0.5 * old + 0.5 * g for old, g in zip(m[name], found, strict=True)]
            v[name] = [0.999 * old + 0.001 * g * g for old, g in zip(v[name], found, strict=True)]
            steps[name] = [
                -0.01 * (first / (1 - 0.5**halves)) / ((second / (1 - 0.999**halves)).sqrt() + 1e-8)
                for first, second in zip(m[name], v[name], strict=True)
            ]
        return steps

    for step in range(3):
        ahead = deepcopy(by_hand.networks)
        halves += 1
        move(ahead, adam(field(by_hand, by_hand.networks, step, turn=0)))
        halves += 1
        move(by_hand.networks, adam(field(by_hand, ahead, step, turn=1)))
    by_hand.assert_reached(steps=3)


def test_a_trial_leaves_no_trace(run):
    """Weights, moments and the parts' feedback state are after a look ahead what they were before."""
    composed = run(
        generator="tiny-mapped",
        augment={"name": "proofs/tiny-ada", "initial": 0.5},
        penalties=["proofs/tiny-path-length"],
    )
    match = composed.assemble().match
    match.step()
    before = deepcopy(match.state())
    with match.lookahead():
        for player in match.players:
            match.gradients(player)
            match.apply(player)
        assert not same(match.state()["networks"], before["networks"])
    for part in ("networks", "optimizers", "updates", "parts", "ema"):
        assert same(match.state()[part], before[part]), part


def test_a_run_survives(survives):
    survives(**EXTRAADAM)
