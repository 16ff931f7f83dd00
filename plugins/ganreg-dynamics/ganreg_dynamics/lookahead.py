"""Lookahead: weights that return to slow ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, PositiveFloat, PositiveInt, PrivateAttr

from ganreg import Schedule
from ganreg_dynamics.weights import named_weights

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg.engine.match import Match


class LookaheadMinmax(Schedule, name="lookahead-minmax"):
    """Lookahead for games (Chavdarova et al., 2020; arXiv:2006.14567), around any schedule.

    After each k steps of the base, all players go back together: ω̃ ← ω̃ + α(ω - ω̃), ω ← ω̃. The slow weights ω̃ are
    saved with the run; optimizers keep their moments. As `base` of one with a larger k it is the inner one of the
    paper's nested form: where the outer one returns, its slow weights become the outer one's.
    """

    base: Schedule = Field(  # type: ignore[assignment]
        "classic/alternating", examples=["classic/alternating"], description="the schedule that moves the fast weights"
    )
    interval: PositiveInt = Field(5, examples=[2], description="steps of the base between two returns (k)")
    rate: PositiveFloat = Field(0.5, le=1, description="how far the slow weights follow (α)")

    _slow: dict[str, Tensor] = PrivateAttr({})

    def milestones(self) -> tuple[int, ...]:
        """The base's."""
        return self.base.milestones()

    def step(self, game: Match) -> None:
        """Play one step."""
        if not self._slow:
            self._slow = {name: weight.detach().clone() for name, weight in named_weights(game).items()}
        self.base.step(game)
        if (game.step_index + 1) % self.interval == 0:
            self._return(game)

    def _return(self, game: Match) -> None:
        slow = {}
        for name, weight in named_weights(game).items():
            fast = weight.detach()
            # A layer that has grown since has no past of its own.
            slow[name] = self._slow.get(name, fast).to(fast).lerp(fast, self.rate)
            fast.copy_(slow[name])
        self._start_from(slow)

    def _start_from(self, slow: dict[str, Tensor]) -> None:
        self._slow = slow
        if isinstance(self.base, LookaheadMinmax):
            self.base._start_from(slow)

    def state_dict(self) -> dict[str, Any]:
        """The slow weights."""
        return {"slow": dict(self._slow)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict()`."""
        self._slow = dict(state["slow"])
