"""What a player minimizes in a turn: whose graphs are held at once, and whose gradients come of it."""

from collections.abc import Callable
from typing import Any
from weakref import ref

import pytest
import torch

from ganreg import DiscriminatorOutput, Loss, Penalty
from ganreg.api import Run
from ganreg.engine.play import Play
from ganreg.errors import PluginError

Tiny = Callable[..., Run]


class Gazing(Penalty, name="gazing"):
    """½‖∇D(x)‖² and the logits' mean, of real pictures; tells first whom it is asked by."""

    double_backward = True
    tell: Callable[[Play], Any]

    def __call__(self, play: Play) -> Any:
        self.tell(play)
        slope = play.gradients(play.real).square().sum(dim=(1, 2, 3)).mean()
        return 0.5 * slope + play.real_output.logits.mean()


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_penalty_that_differentiates_a_gradient_finds_no_other_graph(tiny: Tiny, accumulate: int) -> None:
    seen: list[Any] = []
    alive: list[int] = []
    penalties = [Gazing(tell=lambda play: alive.append(sum(r() is not None for r in seen))) for _ in range(2)]
    match = tiny(penalties=penalties, train={"accumulate": accumulate}).assemble().match
    hidden = next(m for m in match.networks["discriminator"].modules() if isinstance(m, torch.nn.Linear))
    hidden.register_forward_hook(lambda module, args, output: seen.append(ref(args[0])))
    match.gradients("discriminator")
    assert len(seen) >= 4
    assert alive == [0] * (2 * accumulate)


def test_its_gradients_are_added_to_the_others(tiny: Tiny) -> None:
    """With outputs that it looks at anew; those of the losses are left for whoever listens."""
    plays: list[Play] = []
    match = tiny(penalties=[Gazing(tell=plays.append, weight=3.0)]).assemble().match
    match.gradients("discriminator")
    weights = match.player("discriminator").parameters
    found = [p.grad for p in weights]
    (play,) = plays
    real, fake = play.discriminate(play.real), play.discriminate(play.fake)
    torch.testing.assert_close(play.real_output.logits, real.logits)
    slope = play.gradients(play.real).square().sum(dim=(1, 2, 3)).mean()
    total = match.loss.discriminator(real, fake) + 3.0 * (0.5 * slope + real.logits.mean())
    for expected, gradient in zip(torch.autograd.grad(total, weights), found, strict=True):
        torch.testing.assert_close(gradient, expected)


class Fading(Loss, name="fading"):
    """The mean of what is said, as long as it lasts."""

    lasts: Callable[[], bool]

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Any:
        return (fake.logits - real.logits).mean() if self.lasts() else torch.zeros(())

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Any:
        return -fake.logits.mean()


def test_a_turn_whose_terms_have_lost_the_weights_is_refused(tiny: Tiny) -> None:
    lasts = True
    match = tiny(loss=Fading(lasts=lambda: lasts)).assemble().match
    match.step()
    lasts = False
    with pytest.raises(PluginError, match=r"nothing that the discriminator minimizes \(loss\) depends on its weights"):
        match.step()
