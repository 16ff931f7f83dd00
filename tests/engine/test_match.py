"""The verbs: who moves, by which gradients, on which batch."""

import gc
from collections.abc import Callable
from typing import Any, ClassVar
from weakref import ref

import pytest
import torch
from torch import Tensor, nn

from ganreg import Discriminator, Penalty, Schedule, SidedPenalty, Task
from ganreg.api import Run
from ganreg.engine.match import Match
from ganreg.engine.play import Play
from ganreg.engine.state import same
from tests.conftest import go_on_alike

Tiny = Callable[..., Run]


class Script(Schedule, name="script"):
    """A schedule that a test writes."""

    verbs: Callable[[Match], None]

    def step(self, game: Match) -> None:
        self.verbs(game)


def match_of(run: Run) -> Match:
    return run.assemble().match


def weights(match: Match, player: str) -> list[Tensor]:
    return [p.detach().clone() for p in match.player(player).parameters]


def equal(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


class Witness(Penalty, name="witness"):
    """Sees every play of every player."""

    see: Callable[[Play], None]

    def after_update(self, play: Play) -> None:
        self.see(play)


SIDES = ("discriminator", "generator")


class Seen(SidedPenalty, name="seen"):
    """Sees a player's plays while their terms are made."""

    see: Callable[[Play], None]

    def __call__(self, play: Play) -> None:
        self.see(play)


def watched(tiny: Tiny, verbs: Callable[[Match], None] | None = None, *, steps: int = 2, **changes: Any) -> list[Play]:
    """The plays of some steps, in order."""
    plays: list[Play] = []
    schedule = Script(verbs=verbs) if verbs else "tiny-alternating"
    match = match_of(tiny(schedule=schedule, penalties=[Witness(see=plays.append)], **changes))
    for _ in range(steps):
        match.step()
    return plays


def test_a_match_takes_its_tensors_with_it(tiny: Tiny) -> None:
    """At once, and not when the collector of cycles comes: a match that was tried is as large as the run's."""
    match = match_of(tiny(penalties=["tiny-r1"]))
    match.step()
    left = [ref(weight) for network in match.networks.values() for weight in network.parameters()]
    gc.collect()
    gc.disable()
    try:
        del match
        assert not any(weight() is not None for weight in left)
    finally:
        gc.enable()


def test_an_update_moves_its_player_and_nobody_else(tiny: Tiny) -> None:
    for mover, other in (("generator", "discriminator"), ("discriminator", "generator")):
        match = match_of(tiny(schedule=Script(verbs=lambda game, mover=mover: game.update(mover))))
        before = weights(match, mover), weights(match, other)
        match.step()
        assert not equal(before[0], weights(match, mover))
        assert equal(before[1], weights(match, other))
        assert all(p.grad is None for p in match.player(other).parameters)
        assert (match.player(mover).updates, match.player(other).updates) == (1, 0)


def test_fakes_carry_no_generator_graph_in_the_discriminators_turn(tiny: Tiny) -> None:
    seen: list[tuple[str, bool]] = []
    sides = [Seen(side=side, see=lambda play: seen.append((play.player, play.fake.requires_grad))) for side in SIDES]
    match_of(tiny(penalties=sides)).step()
    assert seen == [("discriminator", False), ("generator", True)]


def test_a_frozen_parameter_of_the_authors_stays_frozen(tiny: Tiny) -> None:
    training = tiny().assemble()
    first = next(training.match.networks["discriminator"].parameters())
    first.requires_grad_(False)
    match = Match(training.match.spec, training.match.parts, training.feed, torch.device("cpu"))
    before = first.clone()
    match.step()
    assert not first.requires_grad
    assert torch.equal(before, first)


def two_to_one(game: Match) -> None:
    for player in ("discriminator", "discriminator", "generator"):
        game.update(player)


def test_the_kth_turns_of_a_step_share_the_kth_batch_and_steps_share_none(tiny: Tiny) -> None:
    d0, d1, g0, d2, d3, g2 = (play.real for play in watched(tiny, two_to_one))
    assert torch.equal(d0, g0)
    assert torch.equal(d2, g2)
    pictures = torch.stack([d0, d1, d2, d3]).flatten(2).flatten(0, 1)
    assert len(torch.unique(pictures, dim=0)) == len(pictures)


def test_the_kth_turns_of_a_step_share_their_noise_and_steps_share_none(tiny: Tiny) -> None:
    d0, d1, g0, d2, d3, g2 = (play.z for play in watched(tiny, two_to_one))
    assert torch.equal(d0, g0)
    assert torch.equal(d2, g2)
    rows = torch.cat([d0, d1, d2, d3])
    assert len(torch.unique(rows, dim=0)) == len(rows) == 16


def test_uniform_noise_fills_its_interval(tiny: Tiny) -> None:
    match = match_of(tiny(latent={"size": 1000, "distribution": "uniform"}))
    z = match.noise(20, "test")
    assert -1 <= z.min() < -0.99
    assert 0.99 < z.max() < 1
    assert abs(z.mean()) < 0.03


def test_lookahead_takes_back_weights_and_optimizer_and_keeps_gradients(tiny: Tiny) -> None:
    match = match_of(tiny())
    match.step()
    player = match.player("discriminator")
    before, state = weights(match, "discriminator"), player.optimizer.state_dict()
    state = {"state": {k: {n: v.clone() for n, v in s.items()} for k, s in state["state"].items()}}
    with match.lookahead():
        match.update("discriminator")
        assert not equal(before, weights(match, "discriminator"))
        match.gradients("discriminator")
        ahead = [p.grad.clone() for p in player.parameters if p.grad is not None]
    assert equal(before, weights(match, "discriminator"))
    assert same(state, {"state": player.optimizer.state_dict()["state"]})
    assert equal(ahead, [p.grad for p in player.parameters if p.grad is not None])
    assert player.updates == 1


def test_lookahead_of_one_player_lets_the_other_move(tiny: Tiny) -> None:
    match = match_of(tiny())
    before = weights(match, "generator"), weights(match, "discriminator")
    with match.lookahead("discriminator"):
        match.update("discriminator")
        match.update("generator")
    assert equal(before[1], weights(match, "discriminator"))
    assert not equal(before[0], weights(match, "generator"))


def test_refined_latents_are_what_the_plays_see(tiny: Tiny) -> None:
    def verbs(game: Match) -> None:
        with game.refine(lambda play, z: z * 0 + 3):
            game.update("generator")
        game.update("discriminator")

    inside, outside = watched(tiny, verbs, steps=1)
    assert (inside.z == 3).all()
    assert not (inside.noise == 3).any()
    assert not (outside.z == 3).any()


def test_accumulated_gradients_are_those_of_the_whole_batch(tiny: Tiny) -> None:
    def gradients(accumulate: int) -> list[Tensor]:
        script = Script(verbs=lambda game: game.gradients("discriminator"))
        generator = {"name": "tiny-generator", "normalized": True}
        match = match_of(tiny(generator=generator, schedule=script, train={"accumulate": accumulate}))
        # Batch statistics of the generator would depend on the cut; running ones do not.
        match.networks["generator"].eval()
        match.step()
        return [p.grad for p in match.player("discriminator").parameters if p.grad is not None]

    whole, cut = gradients(1), gradients(4)
    assert len(whole) == 4
    for a, b in zip(whole, cut, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        {"penalties": ["tiny-r1"]},
        {"augment": {"name": "tiny-ada", "interval": 1, "length": 40, "initial": 0.5}},
        {"augment": {"name": "tiny-ada", "initial": 0.5}, "conditional": True, "schedule": "tiny-logan"},
        {"discriminator": "tiny-multiscale", "loss": "tiny-feature-matching"},
        {"schedule": "tiny-extragradient"},
    ],
    ids=["r1", "ada", "conditional", "features", "extragradient"],
)
def test_a_batch_in_parts_plays_the_run_of_the_whole(changes: dict[str, Any], tiny: Tiny) -> None:
    """With the same random numbers, and parts that listen hear of all."""
    whole, cut = (match_of(tiny(**changes, train={"accumulate": parts})) for parts in (1, 4))
    for match in (whole, cut):
        for _ in range(3):
            match.step()
    for player in whole.players:
        for a, b in zip(weights(whole, player), weights(cut, player), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=2e-5)
    for name, part in whole.parts.others():
        if isinstance(part, nn.Module):
            mine = dict(cut.parts.others())[name].state_dict()
            torch.testing.assert_close(dict(part.state_dict()), dict(mine))


def test_whoever_listens_hears_all_that_was_said_of_a_batch_in_parts(tiny: Tiny) -> None:
    changes = {"conditional": True, "discriminator": "tiny-auxiliary", "loss": "tiny-acgan"}
    whole, cut = (watched(tiny, steps=1, train={"accumulate": parts}, **changes) for parts in (1, 2))
    for one, other in zip(whole, cut, strict=True):
        assert len(one.parts) == 1
        assert len(other.parts) == 2
        assert other.parts[-1] is other
        for part in (one, *other.parts):
            assert not any(made.requires_grad for made in (part.fake, part.fake_output.logits)), "that costs memory"
        torch.testing.assert_close(torch.cat([part.fake for part in other.parts]), one.fake, rtol=1e-4, atol=1e-5)
        assert one.fake_output.labels is not None
        assert other.fake_output.labels is not None
        assert torch.equal(one.fake_output.labels, other.fake_output.labels)
        for name in ("logits", "class_logits"):
            mine, theirs = (getattr(play.fake_output, name) for play in (one, other))
            torch.testing.assert_close(theirs, mine, rtol=1e-4, atol=1e-5)


def test_whoever_listens_hears_all_though_some_parts_alone_were_asked(tiny: Tiny) -> None:
    def heard(parts: int) -> Tensor:
        first, said = iter([True]), list[Tensor]()
        look = Seen(side="generator", see=lambda play: play.real_output if next(first, False) else None)
        listen = Witness(see=lambda play: said.append(play.real_output.logits) if play.player == "generator" else None)
        match_of(tiny(penalties=[look, listen], train={"accumulate": parts})).step()
        return said[0]

    torch.testing.assert_close(heard(2), heard(1))


def test_a_mean_over_a_batch_in_parts_is_of_all_of_them(tiny: Tiny) -> None:
    changes = {"generator": "tiny-mapped", "penalties": ["tiny-path-length"]}
    whole, cut = (match_of(tiny(**changes, train={"accumulate": parts})) for parts in (1, 4))
    for match in (whole, cut):
        match.update("generator")
    means = [match.parts.penalties[0].built.mean.item() for match in (whole, cut)]
    assert means[0] > 0
    assert means[1] == pytest.approx(means[0], rel=1e-5)


def test_clipping_bounds_the_norm(tiny: Tiny) -> None:
    def norm(**train: Any) -> float:
        match = match_of(tiny(train=train))
        match.step()
        grads = [p.grad for p in match.player("discriminator").parameters if p.grad is not None]
        return float(torch.stack([g.norm() for g in grads]).norm())

    assert norm() > 0.1
    assert norm(clip=0.05) <= 0.0501


def test_a_lazy_penalty_comes_at_its_interval_with_its_gain(tiny: Tiny) -> None:
    def terms(**penalty: Any) -> list[float | None]:
        match = match_of(tiny(penalties=[{"name": "tiny-r1", **penalty}]))
        found: list[float | None] = []
        for _ in range(5):
            match.terms.clear()
            match.step()
            value = match.terms.get("discriminator/tiny-r1")
            found.append(None if value is None else float(value))
        return found

    lazy, eager = terms(every=2, weight=3.0), terms(weight=3.0)
    assert [value is None for value in lazy] == [False, True, False, True, False]
    assert lazy[0] is not None
    assert eager[0] is not None
    assert abs(lazy[0] - 2 * eager[0]) < 1e-6 * lazy[0]


def test_steps_draw_the_same_whatever_happened_before(tiny: Tiny) -> None:
    """Dropout and strangers' code draw from the global generators, which every step keys anew."""
    first, second = (match_of(tiny(discriminator={"name": "tiny-discriminator", "dropout": 0.3})) for _ in range(2))
    first.step()
    torch.rand(17)
    second.step()
    first.step()
    second.step()
    assert same(first.state(), second.state())


def test_changing_one_part_leaves_the_others_weights(tiny: Tiny) -> None:
    one = match_of(tiny())
    other = match_of(tiny(discriminator="tiny-patches"))
    assert equal(weights(one, "generator"), weights(other, "generator"))
    assert not equal(weights(one, "generator"), weights(match_of(tiny(seed=1)), "generator"))


def test_applying_without_gradients_is_said_so(tiny: Tiny) -> None:
    match = match_of(tiny(schedule=Script(verbs=lambda game: game.apply("generator"))))
    with pytest.raises(ValueError, match=r"apply\('generator'\) without gradients"):
        match.step()


def test_bf16_runs_the_networks_and_not_the_loss(tiny: Tiny) -> None:
    discriminator = {"name": "tiny-multiscale", "scales": 1}
    loss = "tiny-feature-matching"  # without which nobody would hold the features
    plays = watched(tiny, discriminator=discriminator, loss=loss, train={"precision": "bf16"})
    for play in plays:
        (scale,) = play.fake_output.scales()
        assert scale.features[0].dtype == torch.bfloat16
        assert scale.logits.dtype == torch.float32
    assert all(p.dtype == torch.float32 for p in plays[0].networks["generator"].parameters())


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_a_processor_that_is_slow_in_bf16_is_told_of(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch, precision: str, fast: bool
) -> None:
    monkeypatch.setattr("ganreg.engine.building.multiplies_bf16", lambda device: fast)
    said: list[str] = []
    tiny(train={"precision": precision}).assemble(say=said.append)
    assert any("no fast kernels for bf16" in sentence for sentence in said) == (precision == "bf16" and not fast)


def test_an_objective_is_the_same_function_at_every_call(tiny: Tiny) -> None:
    match = match_of(tiny(discriminator={"name": "tiny-discriminator", "dropout": 0.5}))
    objective = match.objective("discriminator")
    assert objective().item() == objective().item()
    assert match.objective("discriminator")().item() != objective().item()


class Rows(Discriminator, name="rows"):
    """Attention over the rows of a picture, whose fused kernel on the CPU has no second derivative."""

    def build(self, task: Task) -> Any:
        return RowsNetwork()


class RowsNetwork(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(28, 2, batch_first=True)
        self.head = nn.Linear(28, 1)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        rows = images.squeeze(1)
        logits: Tensor = self.head(self.attention(rows, rows, rows, need_weights=False)[0].mean(1))
        return logits


def test_attention_is_differentiated_twice_where_it_must_be(tiny: Tiny) -> None:
    def both(game: Match) -> None:
        game.gradients("discriminator")
        found = {name: p.grad for name, p in game.networks["discriminator"].named_parameters()}
        assert all(gradient is not None and gradient.any() for name, gradient in found.items() if "weight" in name)
        game.apply("discriminator")
        loss, weights = game.objective("discriminator")(), game.player("discriminator").parameters
        gradients = torch.autograd.grad(loss, weights, create_graph=True)
        (twice,) = torch.autograd.grad(gradients[0].square().sum(), weights[0])
        assert twice.any()

    penalties = [{"name": "tiny-r1", "weight": 100}]
    match = match_of(tiny(discriminator=Rows(), penalties=penalties, schedule=Script(verbs=both)))
    match.step()
    assert match.terms["discriminator/tiny-r1"] > 0


class Hindsight(Penalty, name="hindsight"):
    """Looks back at the outputs, once the player has moved."""

    seen: ClassVar[list[tuple[int, bool]]] = []

    def after_update(self, play: Play) -> None:
        if play.player == "discriminator":
            self.seen.append((len(play.real_output.features), play.fake_output.embedding is not None))


class Wanting(Hindsight, name="wanting"):
    """The same, and says what it looks at."""

    requires: ClassVar[frozenset[str]] = frozenset({"features", "embedding"})


@pytest.mark.parametrize(("part", "expected"), [(Hindsight, (0, False)), (Wanting, (1, True))])
def test_activations_that_no_part_requires_are_let_go_of(
    tiny: Tiny, part: type[Hindsight], expected: tuple[int, bool]
) -> None:
    Hindsight.seen.clear()
    match_of(tiny(discriminator="tiny-judge", penalties=[part()])).step()
    assert Hindsight.seen == [expected]


class Scaled(nn.Module):
    """Learns a scale in the discriminator's updates, and remembers what was said."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.register_buffer("level", torch.zeros(()))

    def forward(self, play: Play) -> Tensor:
        output = play.real_output if play.player == "discriminator" else play.fake_output
        return (self.scale * output.logits).square().mean()

    def after_update(self, play: Play) -> None:
        if play.player == "discriminator":
            self.level.lerp_(play.real_output.logits.mean(), 0.1)
            with torch.no_grad():
                self.scale -= 0.1 * (0 if self.scale.grad is None else self.scale.grad)


class Scaling(SidedPenalty, name="scaling"):
    def build(self, task: Task) -> Scaled:
        return Scaled()


class Objectives(Schedule, name="objectives"):
    """Both players by the gradients of their objectives."""

    def step(self, game: Match) -> None:
        for player in game.players:
            weights = game.player(player).parameters
            for weight, gradient in zip(weights, torch.autograd.grad(game.objective(player)(), weights), strict=True):
                weight.grad = gradient
        for player in game.players:
            game.apply(player)


@pytest.mark.parametrize("schedule", ["tiny-alternating", "tiny-extragradient", Objectives()])
def test_what_a_part_learns_by_itself_is_the_same_in_a_run_that_was_stopped(tiny: Tiny, schedule: Any) -> None:
    """No gradient, and no graph, is left from an earlier turn."""
    penalties = [Scaling(side=side) for side in SIDES]
    go_on_alike(*(tiny(name=name, schedule=schedule, penalties=penalties) for name in ("whole", "stopped")), steps=3)
