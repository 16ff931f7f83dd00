"""What a play makes for those who ask, by hand."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganreg import Discriminator, DiscriminatorOutput, Game, Loss, Penalty, Task, component
from ganreg.api import Run
from ganreg.engine.play import Play
from ganreg.errors import SpecError

Tiny = Callable[..., Run]


class Bowls(Discriminator, name="bowls"):
    """A logit for each pixel, a·x² + b_y·x, and at another scale one for all of them, c·(Σx)²."""

    def build(self, task: Task) -> nn.Module:
        return BowlsNetwork(task.classes)


class BowlsNetwork(nn.Module):
    def __init__(self, classes: int | None) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(0.5))
        self.b = nn.Parameter(torch.arange(classes or 1) * 0.25)
        self.c = nn.Parameter(torch.tensor(0.125))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        slope = self.b[torch.zeros(len(images), dtype=torch.int64) if labels is None else labels]
        pixels = self.a * images.square() + slope[:, None, None, None] * images
        return DiscriminatorOutput((pixels, self.c * images.sum(dim=(1, 2, 3)).square()))

    def gradients(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        slope = self.b[torch.zeros(len(images), dtype=torch.int64) if labels is None else labels]
        whole = 2 * self.c * images.sum(dim=(1, 2, 3), keepdim=True)
        return 2 * self.a * images + slope[:, None, None, None] + whole


class Looks(Penalty, name="looks"):
    """Lets a test look at the plays of a player as they are, and as they were once it has moved."""

    look: Callable[[Play], Any] = lambda play: None
    after: Callable[[Play], Any] = lambda play: None

    def __call__(self, play: Play) -> None:
        self.look(play)

    def after_update(self, play: Play) -> None:
        self.after(play)


def a_turn(tiny: Tiny, look: Callable[[Play], Any], **changes: Any) -> None:
    """A turn of the discriminator, at which a test looks while it is being played."""
    seen: list[Play] = []
    watching = Looks(look=lambda play: seen.append(play) or look(play))
    tiny(penalties=[watching], **changes).assemble().match.gradients("discriminator")
    assert len(seen) == 1


@pytest.mark.parametrize("conditional", [False, True])
def test_gradients_are_those_of_all_scales_summed_by_each_picture(tiny: Tiny, conditional: bool) -> None:
    def look(play: Play) -> None:
        network: Any = play.networks["discriminator"]
        images = play.real.clone()
        found = play.gradients(images)
        torch.testing.assert_close(found, network.gradients(images, play.labels))
        assert not images.requires_grad
        weights = [network.a, network.b, network.c]
        expected = torch.autograd.grad(network.gradients(images, play.labels).square().sum(), weights)
        torch.testing.assert_close(torch.autograd.grad(found.square().sum(), weights), expected)
        if play.labels is not None:
            others = play.labels.flip(0)
            torch.testing.assert_close(play.gradients(images, others), network.gradients(images, others))

    a_turn(tiny, look, discriminator=Bowls(), conditional=conditional)


def test_gradients_of_an_output_are_by_whatever_it_was_made_of(tiny: Tiny) -> None:
    def look(play: Play) -> None:
        z = play.z.detach().requires_grad_()
        images = play.generate(z)
        found = play.gradients_of(play.discriminate(images), z)
        network: Any = play.networks["discriminator"]
        (expected,) = torch.autograd.grad(play.generate(z), z, network.gradients(images).detach())
        torch.testing.assert_close(found, expected)
        assert found.abs().max() > 0
        assert found.requires_grad

    a_turn(tiny, look, discriminator=Bowls())


def test_between_is_on_the_line_of_each_pair_at_a_place_of_its_own(tiny: Tiny) -> None:
    def look(play: Play) -> None:
        first, second = play.between("here"), play.between("here")
        shares = (first - play.fake) / (play.real - play.fake)
        own = shares.flatten(1).median(dim=1).values
        torch.testing.assert_close(first, play.fake + own[:, None, None, None] * (play.real - play.fake))
        assert ((own >= 0) & (own < 1)).all()
        assert len(set(own.tolist())) == len(own)
        assert not torch.equal(first, second)

    a_turn(tiny, look)


def test_updates_count_the_moves_before_the_turn(tiny: Tiny) -> None:
    during, after = [], []
    watching = Looks(look=lambda play: during.append(play.updates), after=lambda play: after.append(play.updates))
    schedule = {"name": "tiny-alternating", "discriminator_steps": 2}
    match = tiny(schedule=schedule, penalties=[watching]).assemble().match
    for _ in range(2):
        match.step()
    assert during == [0, 1, 2, 3]
    assert after == [0, 1, 0, 2, 3, 1]


class Comparing(Loss, name="comparing"):
    """Reads the real side in the generator's turn, too."""

    generator_uses_real = True

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        return (fake.logits - real.logits).mean()

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        assert real is not None
        return (real.logits - fake.logits).mean()


class Forgetful(Game, name="forgetful"):
    """Never gives the generator the real side."""

    def terms(self, play: Play) -> dict[str, Tensor]:
        if play.player == "discriminator":
            return {"loss": play.loss.discriminator(play.real_output, play.fake_output)}
        return {"loss": play.loss.generator(None, play.fake_output)}


@pytest.mark.parametrize("play", [Run.check, lambda run: run.assemble().match.step()], ids=["dry run", "step"])
def test_a_game_that_leaves_out_the_real_side_is_named_with_the_loss(tiny: Tiny, play: Callable[[Run], Any]) -> None:
    run = tiny(game=Forgetful(), loss=Comparing())
    with pytest.raises(SpecError) as caught:
        play(run)
    (mistake,) = caught.value.mistakes
    assert mistake.path == ("game",)
    told = "the game 'forgetful' gives the generator's loss no real side, which the loss 'comparing' reads"
    assert mistake.message == told
    assert "play.loss.generator_uses_real" in mistake.hint
    tiny(game=Forgetful(), name="other").check()


class Around(Loss, name="around"):
    """A combinator that says nothing of the real side itself."""

    base: Loss

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        return self.base.discriminator(real, fake)

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        return self.base.generator(real, fake)


def test_a_combinator_reads_what_its_base_reads(tiny: Tiny) -> None:
    assert tiny(loss=Around(base=Comparing())).assemble().match.loss.generator_uses_real
    assert (
        not tiny(loss=Around(base=component("loss", "tiny-hinge")), name="other")
        .assemble()
        .match.loss.generator_uses_real
    )
