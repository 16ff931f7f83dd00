"""What a player minimizes in a turn: what is due, and what is told where it is no tensor."""

from collections.abc import Callable
from typing import Any

import pytest

from ganreg import Penalty
from ganreg.api import Run
from ganreg.errors import PluginError

Tiny = Callable[..., Run]


class Fading(Penalty, name="fading"):
    """A tensor for two steps, and then a number."""

    def __call__(self, play: Any) -> Any:
        value = play.real_output.logits.mean()
        return value if play.step < 2 else value.item()


def test_a_term_that_is_no_tensor_is_named(tiny: Tiny) -> None:
    match = tiny(penalties=[Fading()]).assemble().match
    match.step()
    match.step()
    with pytest.raises(
        PluginError, match=r"the discriminator's term 'fading' is a float in step 3: it must be a tensor"
    ):
        match.step()
