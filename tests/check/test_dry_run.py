"""The dry run: what it measures, and what it refuses."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

import ganreg
from ganreg import Augmentation, Discriminator, DiscriminatorOutput, Game, Generator, Loss, Penalty, Schedule, Task
from ganreg.api import Run
from ganreg.check.tracking import Tracker
from ganreg.engine.blame import place
from ganreg.errors import Mistake, SpecError

Tiny = Callable[..., Run]
Factory = Callable[[Task], Any]


class AnyGenerator(Generator, name="any"):
    make: Factory

    def build(self, task: Task) -> Any:
        return self.make(task)


class AnyDiscriminator(Discriminator, name="any"):
    make: Factory
    provides: ClassVar[Any] = {"class_logits"}

    def build(self, task: Task) -> Any:
        return self.make(task)


class PlainDiscriminator(AnyDiscriminator, name="plain"):
    provides: ClassVar[Any] = frozenset()


class AnyLoss(Loss, name="any"):
    value: Callable[[Tensor], Tensor]

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        return self.value(real.logits - fake.logits)

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        return self.value(fake.logits)


class Net(nn.Module):
    """A linear network from anything flat, with a forward that a test writes."""

    def __init__(self, inputs: int, outputs: int, forward: Callable[..., Any]) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.spare = nn.Linear(inputs, 3)
        self._forward = forward

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Any:
        return self._forward(self, x.flatten(1), labels)


def refusal(run: Run) -> Mistake:
    with pytest.raises(SpecError) as caught:
        run.check()
    (mistake,) = caught.value.mistakes
    return mistake


def test_it_knows_shapes_parameters_and_terms(tiny: Tiny) -> None:
    found = tiny(penalties=["tiny-r1"], conditional=True).check()
    generator, discriminator = found.networks["generator"], found.networks["discriminator"]
    assert (generator.takes, generator.gives) == ("(8)", "(1, 28, 28)")
    assert (discriminator.takes, discriminator.gives) == ("(1, 28, 28)", "(1)")
    assert discriminator.parameters == 4 * 16 + 4 + 10 * (4 * 14 * 14 + 1)
    assert found.terms == ("discriminator/loss", "discriminator/tiny-r1", "generator/loss")
    assert found.task.classes == 10
    assert found.warnings == ()


def test_operations_are_those_of_the_matrix_products(tiny: Tiny) -> None:
    def generator(task: Task) -> nn.Module:
        return nn.Sequential(nn.Linear(8, 784), nn.Unflatten(1, (1, 28, 28)))

    def discriminator(task: Task) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 1))

    class Plain(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: Tensor, labels: Tensor | None = None) -> Any:
            return self.inner(x)

    run = tiny(
        generator=AnyGenerator(make=lambda task: Plain(generator(task))),
        discriminator=PlainDiscriminator(make=lambda task: Plain(discriminator(task))),
    )
    batch, g, d = 4, 2 * 8 * 784, 2 * 784
    # Discriminator's turn: G forward, D forward and its weights' gradient, on real and on generated pictures.
    # Generator's turn: D forward, its gradient to the same pictures, G's weights' gradient.
    assert run.check().flops == batch * (g + 4 * d + 2 * d + g)


class Uneven(Schedule, name="uneven"):
    """So many updates of each player in the first steps."""

    counts: tuple[int, ...]

    def milestones(self) -> tuple[int, ...]:
        return tuple(range(1, len(self.counts)))

    def step(self, game: Any) -> None:
        for _ in range(self.counts[game.step_index]):
            for player in game.players:
                game.update(player)


def test_operations_are_those_of_the_most_costly_step(tiny: Tiny) -> None:
    dear, cheap = (tiny(schedule=Uneven(counts=counts)).check().flops for counts in ((2,), (1,)))
    assert dear > cheap
    assert {tiny(schedule=Uneven(counts=counts)).check().flops for counts in ((1, 2), (2, 1))} == {dear}


def test_no_weight_is_allocated(tiny: Tiny) -> None:
    found = tiny(generator={"name": "tiny-generator", "width": 100_000_000}).check()
    assert found.networks["generator"].parameters > 9e10
    assert found.memory > 4 * 9e10


def test_the_memory_estimate_is_what_a_real_step_keeps_alive(tiny: Tiny) -> None:
    wide = {role: {"name": f"tiny-{role}", "width": 32} for role in ("generator", "discriminator")}
    run = tiny(**wide, penalties=["tiny-r1"])
    estimate = run.check().memory
    tracker = Tracker()
    with tracker:
        run.assemble().match.step()
    pictures_labels_and_order = 40 * (784 + 8 + 8)
    assert estimate == pytest.approx(tracker.peak - pictures_labels_and_order, rel=0.1)


def test_memory_that_is_free_again_is_not_counted_twice() -> None:
    with (tracker := Tracker()):
        kept = torch.zeros(100)
        for _ in range(5):
            torch.zeros(1000)
    assert tracker.peak == kept.nbytes + 4000


def test_a_generator_of_other_pictures_is_refused_naming_both_sides(tiny: Tiny) -> None:
    def forward(net: Net, x: Tensor, labels: Tensor | None) -> Tensor:
        return (net.linear(x) + net.spare(x).sum()).view(-1, 1, 8, 8)

    mistake = refusal(tiny(generator=AnyGenerator(make=lambda task: Net(8, 64, forward))))
    assert mistake.path == ("generator",)
    assert "the generator 'any' makes (1, 8, 8) images" in mistake.message
    assert "the discriminator 'tiny-discriminator' and the data take (1, 28, 28)" in mistake.message


def drawn(kind: torch.dtype) -> Generator:
    """A generator whose pictures are of a type of number."""

    def forward(net: Net, x: Tensor, labels: Tensor | None) -> Tensor:
        return (net.linear(x) + net.spare(x).sum()).view(-1, 1, 28, 28).to(kind)

    return AnyGenerator(make=lambda task: Net(8, 784, forward))


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("convolves", [True, False])
def test_a_generator_of_pictures_of_another_type_is_refused_itself(
    tiny: Tiny, kind: torch.dtype, convolves: bool
) -> None:
    linear = critic(lambda net, x, y: net.linear(x) + net.spare(x).sum(), provides=False)
    run = tiny(generator=drawn(kind), **({} if convolves else {"discriminator": linear}))
    mistake = refusal(run)
    assert mistake.path == ("generator",)
    told = f"the generator 'any' makes pictures of {kind}, on which the discriminator '{run.spec.discriminator.name}'"
    assert mistake.message == f"{told} fails"
    assert mistake.hint


def test_half_precision_pictures_pass_where_products_are_cast_to_it(tiny: Tiny) -> None:
    linear = critic(lambda net, x, y: net.linear(x) + net.spare(x).sum(), provides=False)
    assert tiny(generator=drawn(torch.bfloat16), discriminator=linear, train={"precision": "bf16"}).check()


def test_networks_of_which_all_weights_are_float64_pass(tiny: Tiny) -> None:
    def make(net: Net, z: Tensor, labels: Tensor | None) -> Tensor:
        return (net.linear(z.double()) + net.spare(z.double()).sum()).view(-1, 1, 28, 28)

    def judge(net: Net, x: Tensor, labels: Tensor | None) -> Tensor:
        return net.linear(x) + net.spare(x).sum()

    generator = AnyGenerator(make=lambda task: Net(8, 784, make).double())
    assert tiny(
        generator=generator, discriminator=PlainDiscriminator(make=lambda task: Net(784, 1, judge).double())
    ).check()


def test_pictures_of_another_type_are_for_who_takes_them(tiny: Tiny) -> None:
    def forward(net: Net, x: Tensor, labels: Tensor | None) -> Tensor:
        return net.linear(x.float()) + net.spare(x.float()).sum()

    assert tiny(generator=drawn(torch.float64), discriminator=critic(forward, provides=False)).check()
    broken = refusal(tiny(generator=drawn(torch.float64), discriminator=critic(lambda net, x, y: net.linear(x[:, :9]))))
    assert broken.path == ("discriminator",)


def critic(forward: Callable[[Net, Tensor, Tensor | None], Any], provides: bool = True) -> Discriminator:
    kind = AnyDiscriminator if provides else PlainDiscriminator
    return kind(make=lambda task: Net(784, 1, forward))


def test_logits_must_be_one_row_per_picture(tiny: Tiny) -> None:
    mistake = refusal(tiny(discriminator=critic(lambda net, x, y: net.linear(x).mean() + net.spare(x).mean())))
    assert mistake.path == ("discriminator",)
    assert "the first size must be 4" in mistake.message


def test_a_picture_has_one_logit_and_the_rest_has_places(tiny: Tiny) -> None:
    mistake = refusal(tiny(discriminator=critic(lambda net, x, y: net.spare(x) + net.linear(x))))
    assert "gives 3 logits per image or patch" in mistake.message
    assert "(N, 1, H, W)" in mistake.hint


@pytest.mark.parametrize("rows", [0, None])
def test_a_buffer_that_no_checkpoint_could_give_back_is_refused(tiny: Tiny, rows: int | None) -> None:
    def forward(net: Net, x: Tensor, labels: Tensor | None) -> Tensor:
        found = net.linear(x) + net.spare(x).sum()
        net.bank = found.detach() if net.bank is None else torch.cat([net.bank, found.detach()])
        return found

    def make(task: Task) -> Net:
        net = Net(784, 1, forward)
        net.register_buffer("bank", None if rows is None else torch.zeros(rows, 1))
        return net

    mistake = refusal(tiny(discriminator=PlainDiscriminator(make=make)))
    assert mistake.path == ("discriminator",)
    assert mistake.message == "the discriminator 'plain' makes or resizes 'bank' in its forward"


def test_a_network_of_another_convention_hears_of_the_contract(tiny: Tiny) -> None:
    class Alone(Net):
        def forward(self, x: Tensor) -> Any:  # type: ignore[override]
            return self.linear(x.flatten(1))

    def alone(task: Task) -> Net:
        return Alone(784, 1, lambda net, x, y: x)

    assert "forward(images, labels=None)" in refusal(tiny(discriminator=PlainDiscriminator(make=alone))).hint
    named = refusal(tiny(discriminator=critic(lambda net, x, y: {"logits": net.linear(x)}, provides=False)))
    assert "DiscriminatorOutput" in named.hint


def test_logits_without_a_second_size_are_one_number(tiny: Tiny) -> None:
    found = tiny(discriminator=critic(lambda net, x, y: (net.linear(x) + net.spare(x)).sum(1), provides=False)).check()
    assert found.networks["discriminator"].gives == "one number"


def test_a_parameter_without_gradient_is_refused(tiny: Tiny) -> None:
    mistake = refusal(tiny(discriminator=critic(lambda net, x, y: net.linear(x))))
    assert mistake.path == ("discriminator",)
    assert "reaches discriminator.spare.weight, discriminator.spare.bias" in mistake.message


def test_a_detached_generator_is_refused(tiny: Tiny) -> None:
    def forward(net: Net, x: Tensor, labels: Tensor | None) -> Tensor:
        return (net.linear(x).detach() + net.spare(x).sum()).view(-1, 1, 28, 28)

    mistake = refusal(tiny(generator=AnyGenerator(make=lambda task: Net(8, 784, forward))))
    assert "generator.linear.weight" in mistake.message
    assert "generator.spare.weight" not in mistake.message


def test_a_head_that_no_term_asks_is_a_warning(tiny: Tiny) -> None:
    def forward(net: Net, x: Tensor, labels: Tensor | None) -> DiscriminatorOutput:
        return DiscriminatorOutput(net.linear(x), class_logits=net.spare(x))

    (warning,) = tiny(discriminator=critic(forward)).check().warnings
    assert "discriminator.spare.weight" in warning


def test_a_conditional_run_needs_networks_that_read_labels(tiny: Tiny) -> None:
    def deaf(net: Net, x: Tensor, labels: Tensor | None) -> Tensor:
        return net.linear(x) + net.spare(x).sum(1, keepdim=True)

    def listening(net: Net, x: Tensor, labels: Tensor | None) -> Tensor:
        assert labels is not None
        return net.linear(x) + net.spare(x).sum(1, keepdim=True) * labels[:, None]

    mistake = refusal(tiny(conditional=True, discriminator=critic(deaf, provides=False)))
    assert "ignores the labels" in mistake.message
    assert mistake.path == ("discriminator",)
    tiny(conditional=True, discriminator=critic(listening, provides=False)).check()
    tiny(conditional=False, discriminator=critic(deaf, provides=False)).check()


def test_a_discriminator_that_classifies_need_not_read_labels(tiny: Tiny) -> None:
    def forward(net: Net, x: Tensor, labels: Tensor | None) -> DiscriminatorOutput:
        return DiscriminatorOutput(net.linear(x), class_logits=net.spare(x))

    tiny(conditional=True, discriminator=critic(forward)).check()


def test_a_loss_is_one_number(tiny: Tiny) -> None:
    mistake = refusal(tiny(loss=AnyLoss(value=lambda x: x)))
    assert mistake.path == ("loss",)
    assert "must be one number, not (4, 1)" in mistake.message


def test_an_error_inside_a_part_names_the_part(tiny: Tiny) -> None:
    class Faulty(Penalty, name="faulty"):
        def __call__(self, play: Any) -> Tensor:
            raise KeyError("nothing there")

    mistake = refusal(tiny(penalties=["tiny-r1", Faulty()]))
    assert mistake.path == ("penalties", 1)
    assert "the penalty 'faulty' fails in the dry run: KeyError: 'nothing there'" in mistake.message
    assert re.search(r"test_dry_run\.py:\d+\)$", mistake.message)


def test_an_error_inside_a_network_names_the_network(tiny: Tiny) -> None:
    mistake = refusal(tiny(discriminator=critic(lambda net, x, y: net.linear(x[:, :9]))))
    assert mistake.path == ("discriminator",)
    assert "the discriminator 'any' fails in the dry run: RuntimeError" in mistake.message
    assert not mistake.hint


def test_a_part_that_cannot_be_built_is_named(tiny: Tiny) -> None:
    def fail(task: Task) -> nn.Module:
        raise RuntimeError("no such layer")

    mistake = refusal(tiny(generator=AnyGenerator(make=fail)))
    assert mistake.path == ("generator",)
    assert re.match(r"the generator 'any' cannot be built: RuntimeError: no such layer \(.*:\d+\)$", mistake.message)
    assert not mistake.hint
    assert "not a torch.nn.Module" in refusal(tiny(generator=AnyGenerator(make=lambda task: 3))).message


def maker(forward: Callable[[Net, Tensor], Tensor]) -> Net:
    net = Net(8, 784, lambda net, x, y: forward(net, x).view(-1, 1, 28, 28))
    del net.spare
    return net


def read_in_build(task: Task) -> nn.Module:
    assert torch.ones(()).item() == 1
    return maker(lambda net, x: net.linear(x))


def orthogonal(task: Task) -> nn.Module:
    net = maker(lambda net, x: net.linear(x))
    nn.utils.parametrizations.orthogonal(net.linear)
    return net


def cumulative(task: Task) -> nn.Module:
    net = maker(lambda net, x: net.linear(net.norm(x)))
    net.norm = nn.BatchNorm1d(8, momentum=None)
    return net


def branching(task: Task) -> nn.Module:
    return maker(lambda net, x: net.linear(x if x.mean() > 0 else -x))


def beside(task: Task) -> nn.Module:
    return maker(lambda net, x: net.linear(x) + torch.ones(784))


@pytest.mark.parametrize("make", [read_in_build, orthogonal, cumulative, branching, beside])
def test_a_part_that_needs_numbers_is_played_with_some(tiny: Tiny, make: Factory) -> None:
    found = tiny(generator=AnyGenerator(make=make)).check()
    (warning,) = found.warnings
    assert re.match(r"the generator 'any' (fails|cannot be built).*test_dry_run\.py:\d+\); with numbers, on ", warning)
    assert found.networks["generator"].gives == "(1, 28, 28)"
    assert found.flops > 0
    assert found.memory > 0


def test_with_numbers_each_process_plays_its_share(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tiny(generator=AnyGenerator(make=branching))
    alone = run.check().flops
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert run.check().flops == alone / 2


def test_what_is_refused_without_numbers_is_refused_with_some(tiny: Tiny) -> None:
    mistake = refusal(tiny(discriminator=critic(lambda net, x, y: net.linear(x) * x.mean().item())))
    assert mistake.path == ("discriminator",)
    assert "reaches discriminator.spare" in mistake.message


def test_numbers_that_overflow_in_the_dry_run_are_for_the_run_to_tell(tiny: Tiny) -> None:
    assert tiny(loss=AnyLoss(value=lambda x: (x.mean() * 1e30).exp() * float(x.isnan().sum() + 1))).check().warnings


def test_a_step_of_very_many_turns_needs_no_numbers(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganreg.engine.guards.MANY", 3)
    assert not tiny().check().warnings


def test_it_disturbs_nobodys_random_numbers(tiny: Tiny) -> None:
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    tiny().check()
    assert torch.equal(torch.rand(2), expected)


def test_it_has_no_numbers_among_which_to_look_for_anomalies(tiny: Tiny) -> None:
    with torch.autograd.set_detect_anomaly(True):
        assert tiny(penalties=["tiny-r1"]).check().warnings == (), "nothing was played with numbers instead"
        assert torch.is_anomaly_enabled()


def test_a_generator_makes_one_picture_per_z(tiny: Tiny) -> None:
    def forward(net: Net, x: Tensor, labels: Tensor | None) -> Tensor:
        return (net.linear(x) + net.spare(x).sum()).view(-1, 1, 28, 28).mean(0, keepdim=True)

    mistake = refusal(tiny(generator=AnyGenerator(make=lambda task: Net(8, 784, forward))))
    assert mistake.message == "the generator 'any' makes 1 images where 4 are asked"


class ByKeyword(Game, name="by-keyword"):
    """Calls a network itself, with words for its inputs."""

    networks: ClassVar[Any] = {"generator": "generator", "discriminator": "discriminator"}
    players: ClassVar[Any] = {"generator": ("generator",), "discriminator": ("discriminator",)}

    def terms(self, play: Any) -> dict[str, Tensor]:
        network = play.networks["generator"]
        (word, *_) = inspect.signature(network.forward).parameters
        smooth = network(**{word: play.z}).square().mean()
        if play.player == "discriminator":
            return {"loss": play.loss.discriminator(play.real_output, play.fake_output)}
        return {"loss": play.loss.generator(None, play.fake_output), "smooth": smooth}


def test_a_game_may_call_a_network_by_keyword(tiny: Tiny) -> None:
    found = tiny(game=ByKeyword()).check()
    assert found.networks["generator"].takes == "(8)"
    assert "generator/smooth" in found.terms


def test_logits_are_one_per_picture(tiny: Tiny) -> None:
    mistake = refusal(tiny(discriminator=critic(lambda net, x, y: net.spare(x) + net.linear(x))))
    assert "gives 3 logits per image" in mistake.message
    patches = critic(lambda net, x, y: (net.spare(x) + net.linear(x))[..., None, None].expand(-1, -1, 2, 2))
    assert "gives 3 logits per image or patch" in refusal(tiny(discriminator=patches)).message


def test_a_loss_that_is_cut_off_is_named(tiny: Tiny) -> None:
    mistake = refusal(tiny(loss=AnyLoss(value=lambda x: x.mean().detach())))
    assert mistake.path == ("loss",)
    assert mistake.message == "nothing that the discriminator minimizes (loss) depends on its weights"


def test_a_generator_that_is_cut_off_is_named(tiny: Tiny) -> None:
    def forward(net: Net, x: Tensor, labels: Tensor | None) -> Tensor:
        return (net.linear(x) + net.spare(x).sum()).view(-1, 1, 28, 28).detach()

    mistake = refusal(tiny(generator=AnyGenerator(make=lambda task: Net(8, 784, forward))))
    assert mistake.path == ("generator",)
    assert "the generator's pictures have no gradient" in mistake.message


def test_a_loss_of_another_signature_is_named(tiny: Tiny) -> None:
    class OneSided(AnyLoss, name="one-sided"):
        def discriminator(self, fake: DiscriminatorOutput) -> Tensor:  # type: ignore[override]
            return fake.logits.mean()

    mistake = refusal(tiny(loss=OneSided(value=torch.mean)))
    assert mistake.path == ("loss",)
    assert "the loss 'one-sided' fails in the dry run: TypeError" in mistake.message


def test_a_term_without_gradient_is_a_warning(tiny: Tiny) -> None:
    class Constant(Penalty, name="constant"):
        def __call__(self, play: Any) -> Tensor:
            return play.real.mean()

    assert tiny(penalties=[Constant()]).check().warnings == (
        "the term discriminator/constant has no gradient: it changes nothing",
    )


def test_a_term_of_a_penalty_is_one_number(tiny: Tiny) -> None:
    class Vector(Penalty, name="vector"):
        def __call__(self, play: Any) -> Tensor:
            return play.real_output.logits

    assert refusal(tiny(penalties=["tiny-r1", Vector()])).path == ("penalties", 1)


def test_an_augmentation_keeps_the_shape(tiny: Tiny) -> None:
    class Half(Augmentation, name="half"):
        def __call__(self, images: Tensor, random: Any) -> Tensor:
            return images[:, :, ::2]

    mistake = refusal(tiny(augment=Half(), discriminator="tiny-patches"))
    assert "the augmentation made (4, 1, 14, 28) of (4, 1, 28, 28)" in mistake.message


@pytest.mark.parametrize("players", [(), ("discriminator",)])
def test_a_schedule_moves_the_players(tiny: Tiny, players: tuple[str, ...]) -> None:
    class Some(Schedule, name="some"):
        def step(self, game: Any) -> None:
            for player in players:
                game.update(player)

    run = tiny(schedule=Some())
    if players:
        assert run.check().warnings == ("the first step moves no generator",)
    else:
        assert refusal(run).message == "the schedule 'some' moves nobody"


def test_what_is_taken_back_moves_nobody(tiny: Tiny) -> None:
    class Trial(Schedule, name="trial"):
        def step(self, game: Any) -> None:
            with game.lookahead():
                for player in game.players:
                    game.update(player)

    assert refusal(tiny(schedule=Trial())).message == "the schedule 'trial' moves nobody"


def test_a_schedule_may_leave_steps_out(tiny: Tiny) -> None:
    class Late(Schedule, name="late"):
        def step(self, game: Any) -> None:
            if game.step_index >= 3:
                game.update("discriminator")
                game.update("generator")

    found = tiny(schedule=Late()).check()
    assert found.warnings == ()
    assert found.flops > 0


def test_a_schedule_for_other_players_is_refused_with_those_there_are(tiny: Tiny) -> None:
    class Renamed(type(tiny().spec.game), name="renamed"):  # type: ignore[misc]
        players: ClassVar[Any] = {"critic": ("discriminator",), "generator": ("generator",)}

    adam = dict.fromkeys(Renamed.players, "tiny-adam")
    mistake = refusal(tiny(game=Renamed(), optimizers=adam))
    assert mistake.path == ("schedule",)
    assert mistake.message == (
        "the schedule 'tiny-alternating' names a player 'discriminator'; "
        "the players of the game 'renamed' are critic, generator"
    )
    assert "game.players" in mistake.hint


def test_a_misspelt_player_is_told_beside_those_there_are(tiny: Tiny) -> None:
    class Misspells(Schedule, name="misspells"):
        def step(self, game: Any) -> None:
            with game.lookahead("generatr"):
                game.update("generator")

    mistake = refusal(tiny(schedule=Misspells()))
    assert mistake.path == ("schedule",)
    assert "'generatr'; the players of the game" in mistake.message
    assert mistake.hint == "did you mean 'generator'?"


class OneSided(Loss, name="one-sided"):
    def discriminator(self, real: Any) -> Any:  # type: ignore[override]
        raise AssertionError


class Blind(Penalty, name="blind"):
    def __call__(self) -> Any:  # type: ignore[override]
        raise AssertionError


class Alone(Schedule, name="alone"):
    def step(self) -> None:  # type: ignore[override]
        raise AssertionError


@pytest.mark.parametrize(
    ("parts", "path", "method"),
    [
        ({"loss": OneSided()}, ("loss",), OneSided.discriminator),
        ({"penalties": [Blind()]}, ("penalties", 0), Blind.__call__),
        ({"schedule": Alone()}, ("schedule",), Alone.step),
    ],
)
def test_a_signature_that_is_not_the_contracts_is_placed_where_it_stands(
    tiny: Tiny, parts: Any, path: Any, method: Any
) -> None:
    mistake = refusal(tiny(**parts))
    assert mistake.path == path
    assert mistake.message.endswith(f"({method.__code__.co_filename}:{method.__code__.co_firstlineno})")


def test_a_plugin_that_lies_beside_ganreg_is_no_part_of_it() -> None:
    folder = Path(ganreg.__file__).parent
    source = compile("def fall(): raise LookupError\n", f"{folder}_sparkle/losses.py", "exec")
    module: dict[str, Any] = {}
    exec(source, module)
    with pytest.raises(LookupError) as caught:
        module["fall"]()
    assert place(caught.value) == f"{folder}_sparkle/losses.py:1"


def test_a_step_without_end_is_refused(tiny: Tiny) -> None:
    class Endless(Schedule, name="endless"):
        def step(self, game: Any) -> None:
            while True:
                game.gradients("discriminator")

    linear = PlainDiscriminator(make=lambda task: Net(784, 1, lambda net, x, labels: net.linear(x)))
    sgd = {"generator": "tiny-sgd", "discriminator": "tiny-sgd"}
    mistake = refusal(tiny(schedule=Endless(), discriminator=linear, loss=AnyLoss(value=Tensor.mean), optimizers=sgd))
    assert mistake.message == "the schedule 'endless' gives the discriminator more than 1,000 turns in one step"


@pytest.mark.parametrize(
    ("lazy", "named"),
    [(lambda: nn.LazyLinear(1), "1.weight"), (lambda: nn.Sequential(nn.Linear(784, 1), nn.LazyBatchNorm1d()), "1.1.")],
)
def test_a_weight_without_a_shape_is_refused_in_one_line(tiny: Tiny, lazy: Callable[[], nn.Module], named: str) -> None:
    run = tiny(discriminator=PlainDiscriminator(make=lambda task: nn.Sequential(nn.Flatten(), lazy())))
    mistake = refusal(run)
    assert mistake.path == ("discriminator",)
    assert "'plain' has a weight that takes its shape from the first batch, '" + named in mistake.message
    assert "sizes" in mistake.hint
    with pytest.raises(SpecError, match="takes its shape from the first batch"):
        run.assemble()


def test_a_lazy_layer_that_build_has_called_has_its_shape(tiny: Tiny) -> None:
    class Once(nn.Module):
        def __init__(self, image: tuple[int, int, int]) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Flatten(), nn.LazyLinear(1))
            self.body(torch.zeros(1, *image))

        def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
            return self.body(images)

    found = tiny(discriminator=PlainDiscriminator(make=lambda task: Once(task.image))).check()
    assert found.networks["discriminator"].parameters == 785


def test_a_parameter_of_two_players_is_refused_by_its_names(tiny: Tiny) -> None:
    shared = {kind: nn.Linear(784, 784, device=kind) for kind in ("cpu", "meta")}

    class Holding(nn.Module):
        def __init__(self, first: nn.Module, last: nn.Module) -> None:
            super().__init__()
            self.first, self.last = first, last

        def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
            return self.last(self.first(x))

    def ours() -> nn.Module:
        return shared[torch.empty(0).device.type]

    run = tiny(
        generator=AnyGenerator(
            make=lambda task: Holding(nn.Linear(8, 784), nn.Sequential(ours(), nn.Unflatten(1, task.image)))
        ),
        discriminator=PlainDiscriminator(
            make=lambda task: Holding(nn.Flatten(), nn.Sequential(ours(), nn.Linear(784, 1)))
        ),
    )
    mistake = refusal(run)
    assert "parameter 'discriminator.last.0.weight' of the discriminator is 'generator.last.0.weight'" in str(mistake)
    assert mistake.path == ("discriminator",)


def test_a_sparse_gradient_is_refused_by_its_parameter(tiny: Tiny) -> None:
    class Indexed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(10, 784, sparse=True)

        def forward(self, images: Tensor, labels: Tensor) -> Tensor:
            return (self.table(labels) * images.flatten(1)).sum(1)

    mistake = refusal(tiny(discriminator=PlainDiscriminator(make=lambda task: Indexed()), conditional=True))
    assert mistake.message.startswith("the gradient of 'discriminator.table.weight' is sparse")
    assert mistake.path == ("discriminator",)
