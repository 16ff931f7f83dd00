"""ADA and APA: a probability that follows the discriminator."""

import pytest
import torch
from ganreg_augment import ADA, APA, FixedADA

from ganreg import Game, Task

PLAIN_APA = {"name": "apa", "base": "proofs/tiny-standard"}


def moved(initial, signs, target, interval, step):
    """p after each update of the discriminator, by the rule: gather r, then one step up or down."""
    p, gathered, path = initial, [], []
    for sign in signs:
        gathered.append(sign)
        if len(gathered) == interval:
            r = sum(gathered) / len(gathered)
            p = min(max(p + (step if r > target else -step if r < target else 0), 0), 1)
            gathered = []
        path.append(p)
    return path


@pytest.mark.parametrize("part", ["ada", "apa"])
@pytest.mark.parametrize(("bias", "sign"), [(1.0, 1), (-1.0, -1)])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_p_rises_where_the_discriminator_is_sure_of_real_pictures(make_match, parts, part, bias, sign, accumulate):
    named = {"name": "ada"} if part == "ada" else PLAIN_APA
    settings = {**named, "target": 0.6, "interval": 3, "length": 120, "initial": 0.5}
    match = make_match(
        **{"augment" if part == "ada" else "game": settings},
        discriminator=parts["witness"](bias=bias),
        train={"batch_size": 4, "accumulate": accumulate, "device": "cpu"},
    )
    built = match.parts.augment if part == "ada" else match.parts.game
    expected = moved(0.5, [sign] * 16, 0.6, 3, 3 * 4 / 120)
    path = []
    for _ in range(16):
        match.step()
        path.append(built.p.item())
    assert path == pytest.approx(expected, abs=1e-6)
    assert expected[-1] == pytest.approx(1.0 if sign > 0 else 0.0)


def test_r_is_a_mean_of_signs_over_the_interval(make_match, parts):
    """Two updates: all of four logits positive, then one of four; r = (4 + (1 - 3)) / 8 = ¼."""
    for target, expected in ((0.2, 0.6), (0.3, 0.4)):
        match = make_match(augment=ADA(target=target, interval=2, length=80, initial=0.5))
        built = match.parts.augment
        for logits in ([1.0, 2.0, 3.0, 4.0], [5.0, -1.0, -1.0, -1.0]):
            match.gradients("discriminator")
            play = match._plays["discriminator"][-1]
            play.real_output = play.discriminate(play.real)
            play.real_output.logits.data = torch.tensor(logits)
            built.after_update(play)
        assert built.p.item() == pytest.approx(expected)
        assert built.signs.item() == built.seen.item() == 0


def test_without_a_target_p_stays(make_match):
    match = make_match(game={**PLAIN_APA, "initial": 0.3, "target": None, "interval": 1})
    match.step()
    assert match.parts.game.p.item() == pytest.approx(0.3)


def test_only_the_discriminators_updates_count(make_match):
    match = make_match(augment=ADA(initial=0.5, interval=1, length=40))
    match.update("generator")
    assert match.parts.augment.p.item() == 0.5
    match.update("discriminator")
    assert match.parts.augment.p.item() == pytest.approx(0.6)


def test_ada_is_the_fixed_pipeline_at_its_p(pictures, stream):
    images, groups = pictures(channels=3, height=8, width=8), ("blit", "color", "cutout")
    adaptive, fixed = ADA(initial=0.5, groups=groups).build(None), FixedADA(p=0.5, groups=groups)
    assert torch.equal(adaptive(images, stream()), fixed(images, stream()))


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("conditional", [False, True])
def test_apa_presents_generated_pictures_as_real_under_their_labels(make_match, p, conditional):
    match = make_match(game={**PLAIN_APA, "initial": p, "length": 1e9}, conditional=conditional)
    witness, shares = match.networks["discriminator"], []
    for _ in range(12):
        witness.shown.clear()
        match.update("discriminator")
        (real, labels), (fake, fake_labels) = witness.shown
        assert fake_labels is labels
        true = match.sources.read(match.position + match.turns["discriminator"] - 1).images
        pseudo = [torch.equal(real[k], fake[k]) for k in range(4)]
        assert all(torch.equal(real[k], true[k]) for k in range(4) if not pseudo[k])
        shares += pseudo
    assert sum(shares) / 48 == pytest.approx(p, abs=0.2)


def test_what_reads_the_real_side_reads_what_apa_presents(make_match):
    match = make_match(game={**PLAIN_APA, "initial": 0.5, "length": 1e9})
    witness = match.networks["discriminator"]
    match.gradients("discriminator")
    play = match._plays["discriminator"][-1]
    assert torch.equal(play.real, witness.shown[0][0])
    assert not torch.equal(play.real, play.pictures)


def test_apa_is_its_base_otherwise(make_match):
    plain, apa = make_match(), make_match(game={**PLAIN_APA, "length": 1e9})
    for match in (plain, apa):
        for _ in range(3):
            match.step()
    assert apa.players == plain.players
    for name, network in plain.networks.items():
        for mine, theirs in zip(apa.networks[name].parameters(), network.parameters(), strict=True):
            assert torch.equal(mine, theirs)


def test_apa_keeps_the_gradient_of_the_real_side_from_the_generator(make_match):
    match = make_match(game={**PLAIN_APA, "initial": 1})
    match.objective("generator")()  # whose plays keep their graphs
    play, level = match._plays["generator"][-1], match.networks["generator"].level
    assert torch.equal(play.real_output.logits, play.fake_output.logits)
    assert play.fake.requires_grad
    assert torch.autograd.grad(play.real_output.logits.sum(), level, allow_unused=True) == (None,)


def test_apa_refuses_what_its_base_refuses():
    class Picky(Game, name="picky"):
        def check(self, task):
            raise ValueError("not this")

    with pytest.raises(ValueError, match="not this"):
        APA(base=Picky()).check(Task((1, 4, 4), 4))
    assert APA(base=Picky()).players == Game.players
