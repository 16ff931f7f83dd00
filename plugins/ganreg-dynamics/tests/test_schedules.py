"""Each schedule's updates are the paper's: the same steps in plain torch, by hand, lead to the same weights."""

import pytest
import torch

PLAYERS = ("generator", "discriminator")
RATE, STEPS, BATCH = 0.1, 3, 4


def test_extragradient(reference):
    hand = reference("dynamics/extragradient")
    for step in range(STEPS):
        here = hand.save()
        for player, gradient in hand.field(2 * step, step).items():
            hand.move(player, gradient)
        ahead = hand.field(2 * step + 1, step, turn=1)
        hand.restore(here)
        for player in PLAYERS:
            hand.move(player, ahead[player])
    hand.assert_reached(STEPS)


def test_extra_adam_learns_from_both_halves(reference):
    hand = reference({"name": "dynamics/extragradient", "moments": True}, optimizer="proofs/tiny-adam", lr=0.01)
    adams = {player: torch.optim.Adam(hand.weights(player), lr=0.01, betas=(0.5, 0.999)) for player in PLAYERS}

    def move(field):
        for player in PLAYERS:
            for weight, gradient in zip(hand.weights(player), field[player], strict=True):
                weight.grad = gradient
            adams[player].step()

    for step in range(STEPS):
        here = hand.save()
        move(hand.field(2 * step, step))
        ahead = hand.field(2 * step + 1, step, turn=1)
        hand.restore(here)
        move(ahead)
    hand.assert_reached(STEPS)


def test_extrapolation_from_the_past(reference):
    """The first step takes two gradients, and so two batches; each later one takes one."""
    hand = reference("dynamics/past-extragradient")
    past = hand.field(0, 0)
    for step in range(4):
        here = hand.save()
        for player in PLAYERS:
            hand.move(player, past[player])
        past = hand.field(step + 1, step, turn=int(step == 0))
        hand.restore(here)
        for player in PLAYERS:
            hand.move(player, past[player])
    hand.assert_reached(4)


def test_the_first_extrapolation_is_clipped_as_every_gradient_is(make_match):
    """Without a past the step is extragradient's, which knows of train.clip."""
    reached = {}
    for name, clip in (("past-extragradient", 1e-3), ("extragradient", 1e-3), ("extragradient", None)):
        match = make_match(schedule=f"dynamics/{name}", train={"batch_size": BATCH, "device": "cpu", "clip": clip})
        match.step()
        reached[name, clip] = [p.detach() for network in match.networks.values() for p in network.parameters()]
    clipped, expected, free = reached.values()
    assert all(map(torch.equal, clipped, expected))
    assert not any(map(torch.equal, clipped, free))


def test_prediction(reference):
    hand = reference("dynamics/prediction")
    for step in range(STEPS):
        before = hand.save("generator")
        hand.move("generator", hand.gradient("generator", step, step))
        after = hand.save("generator")
        pairs = zip(after["generator"], before["generator"], strict=True)
        hand.restore({"generator": [2 * new - old for new, old in pairs]})
        gradient = hand.gradient("discriminator", step, step)
        hand.restore(after)
        hand.move("discriminator", gradient)
    hand.assert_reached(STEPS)


def test_lookahead_minmax(reference):
    schedule = {"name": "dynamics/lookahead-minmax", "base": "proofs/tiny-simultaneous", "interval": 2, "rate": 0.3}
    hand = reference(schedule)
    slow = hand.save()
    for step in range(5):
        field = hand.field(step, step)
        for player in PLAYERS:
            hand.move(player, field[player])
        if step % 2:
            fast = hand.save()
            slow = {p: [s + 0.3 * (f - s) for s, f in zip(slow[p], fast[p], strict=True)] for p in PLAYERS}
            hand.restore(slow)
    hand.assert_reached(5)


def test_nested_lookahead(reference):
    """The paper's: where the outer one returns, the inner one's slow weights are the outer one's, too."""
    inner = {"name": "dynamics/lookahead-minmax", "base": "proofs/tiny-simultaneous", "interval": 2, "rate": 0.3}
    hand = reference({"name": "dynamics/lookahead-minmax", "base": inner, "interval": 4, "rate": 0.6})
    slow = slower = hand.save()

    def between(slow, rate):
        fast = hand.save()
        return {p: [s + rate * (f - s) for s, f in zip(slow[p], fast[p], strict=True)] for p in PLAYERS}

    for step in range(9):
        field = hand.field(step, step)
        for player in PLAYERS:
            hand.move(player, field[player])
        if step % 2 == 1:
            slow = between(slow, 0.3)
            hand.restore(slow)
        if step % 4 == 3:
            slow = slower = between(slower, 0.6)
            hand.restore(slower)
    hand.assert_reached(9)


@pytest.mark.parametrize("by", ["natural", "gradient"])
def test_logan(reference, by):
    """Two latent steps, a third of the latents left out, the regularizer for both players, and D first."""
    settings = {"by": by, "latent_steps": 2, "share": 0.67, "damping": 0.5}
    schedule = {"name": "dynamics/logan", "base": "proofs/tiny-alternating", **settings}
    penalties = [{"name": "dynamics/latent-step", "side": side, "weight": 0.3} for side in PLAYERS]
    latent = {"size": 3, "distribution": "uniform"}
    hand = reference(schedule, penalties=penalties, latent=latent)
    generator, discriminator = hand.networks["generator"], hand.networks["discriminator"]

    def refined(player, step, z):
        from ganreg.engine.streams import Stream

        chosen = Stream(torch.device("cpu"), 0, "logan", step, player, 0, 1).uniform(4, 1) < 0.67
        z = z.clone().requires_grad_()
        for _ in range(2):
            (g,) = torch.autograd.grad(discriminator(generator(z)).sum(), z, create_graph=True)
            move = 0.9 * g if by == "gradient" else 0.9 * g / (0.5 + (g * g).sum(dim=1, keepdim=True))
            z = torch.clamp(torch.where(chosen, z + move, z), -1, 1)
        return z

    left_out = 0
    for step in range(STEPS):
        for player in ("discriminator", "generator"):
            z = hand.z(player, step)
            moved = refined(player, step, z)
            left_out += int((moved == z).all(dim=1).sum())
            loss = hand.loss(player, step, step, refine=lambda _: moved)  # noqa: B023
            loss = loss + 0.3 * ((moved - z) ** 2).sum(dim=1).mean()
            hand.move(player, torch.autograd.grad(loss, hand.weights(player)))
    assert 0 < left_out < 2 * STEPS * 4
    hand.assert_reached(STEPS)


def test_the_adaptive_critic_moves_as_often_as_wgans(make_match):
    schedule = {"name": "dynamics/adaptive-critic", "critic_steps": 2, "intense_steps": 7, "intense_first": 2}
    match = make_match(schedule={**schedule, "intense_every": 5})
    moved, counts = 0, []
    for _ in range(7):
        match.step()
        now = match.player("discriminator").updates
        counts.append(now - moved)
        moved = now
    assert counts == [7, 7, 2, 2, 2, 7, 2]
    assert match.player("generator").updates == 7


def test_the_adaptive_critics_defaults_are_the_authors(registry):
    from ganreg import component

    part = component("schedule", "dynamics/adaptive-critic", registry=registry)
    assert (part.critic_steps, part.intense_steps, part.intense_first, part.intense_every) == (5, 100, 25, 500)


@pytest.mark.parametrize("equilibrium", [0.0, 1.39, 3.0])
def test_balanced(reference, equilibrium):
    """Too good a discriminator rests, and so does the generator of one that is too bad."""
    hand = reference({"name": "dynamics/balanced", "equilibrium": equilibrium, "margin": 0.7})
    moved = []
    for step in range(STEPS):
        loss, field = hand.loss("discriminator", step, step).item(), hand.field(step, step)
        moved = [
            p for p in PLAYERS if (loss >= equilibrium - 0.7 if p == "discriminator" else loss <= equilibrium + 0.7)
        ]
        for player in moved:
            hand.move(player, field[player])
    assert moved == {0.0: ["discriminator"], 1.39: list(PLAYERS), 3.0: ["generator"]}[equilibrium]
    for _ in range(STEPS):
        hand.match.step()
    for name, network in hand.match.networks.items():
        torch.testing.assert_close(network.state_dict(), hand.networks[name].state_dict(), rtol=0, atol=1e-10)


def test_loss_change(reference):
    hand = reference({"name": "dynamics/loss-change", "ratio": 0.8})
    last, moves = None, []
    for step in range(8):
        losses = {player: hand.loss(player, step, step).item() for player in PLAYERS}
        field, movers = hand.field(step, step), PLAYERS
        if last:
            r = {player: abs((losses[player] - last[player]) / last[player]) for player in PLAYERS}
            movers = ("discriminator",) if r["discriminator"] > 0.8 * r["generator"] else ("generator",)
        for player in movers:
            hand.move(player, field[player])
        last = losses
        moves.append(movers)
    assert len(set(moves)) == 3
    hand.assert_reached(8)


@pytest.mark.parametrize("name", ["balanced", "loss-change"])
def test_a_term_that_is_not_there_is_named(make_match, name):
    match = make_match(schedule={"name": f"dynamics/{name}", "term": "nothing"})
    with pytest.raises(ValueError, match="no term 'discriminator/nothing'"):
        match.step()


def test_a_spec_that_plays_twice_begins_twice(make_match):
    """What a schedule remembers belongs to the match, not to the spec."""
    from ganreg import compose
    from ganreg.engine.state import same

    spec = make_match(schedule="dynamics/loss-change").spec
    run = compose(**{key: getattr(spec, key) for key in type(spec).model_fields if key != "ema"})
    first = run.assemble().match
    for _ in range(3):
        first.step()
    second = run.assemble().match
    for _ in range(3):
        second.step()
    assert same(first.state(), second.state())
