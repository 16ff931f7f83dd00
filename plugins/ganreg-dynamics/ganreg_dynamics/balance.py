"""Schedules that decide who moves, and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, PrivateAttr

from ganreg import Schedule

if TYPE_CHECKING:
    from ganreg.engine.match import Match
    from ganreg.task import Task

SIDES = ("discriminator", "generator")
TERM = "the term of the game that is compared, as the log calls it after the player's name"


class AdaptiveCritic(Schedule, name="adaptive-critic"):
    """WGAN's number of critic updates for each one of the generator (Arjovsky et al., 2017; arXiv:1701.07875).

    n = `intense_steps` in the first `intense_first` steps and in each step that `intense_every` divides, `critic_steps`
    in all others: so the authors' code trains a critic to near its optimum at the start and now and then. The paper's
    algorithm 1 has `critic_steps` alone.
    """

    critic_steps: PositiveInt = Field(5, le=1000, description="updates of the discriminator in a step")
    intense_steps: PositiveInt = Field(100, le=1000, examples=[3], description="its updates in an intense step")
    intense_first: NonNegativeInt = Field(25, examples=[2], description="intense steps at the start")
    intense_every: PositiveInt = Field(500, description="steps from one intense step to the next")

    def step(self, game: Match) -> None:
        """Play one step."""
        intense = game.step_index < self.intense_first or game.step_index % self.intense_every == 0
        for _ in range(self.intense_steps if intense else self.critic_steps):
            game.update("discriminator")
        game.update("generator")


class Balanced(Schedule, name="balanced"):
    """The player that is ahead rests, as in implementations of VAE/GAN (Larsen et al., 2015; arXiv:1512.09300).

    D moves while L_D ≥ `equilibrium - margin`, G while L_D ≤ `equilibrium + margin`; so one of them always moves. Those
    implementations look at D's losses of real and of generated pictures one by one, here L_D is their sum, as the game
    gives it. 2 log 2, the default, is that of a D in `classic/non-saturating` that cannot tell the sides apart.
    """

    equilibrium: float = Field(1.386, allow_inf_nan=False, description="D's loss where both are equally strong")
    margin: NonNegativeFloat = Field(0.7, description="how far D's loss may be from there")
    term: str = Field("loss", description=TERM)

    def step(self, game: Match) -> None:
        """Play one step."""
        for player in SIDES:
            game.gradients(player)
        loss = _loss(game, "discriminator", self.term)
        if loss is None or loss >= self.equilibrium - self.margin:
            game.apply("discriminator")
        if loss is None or loss <= self.equilibrium + self.margin:
            game.apply("generator")


class LossChange(Schedule, name="loss-change"):
    """The player whose loss changes faster moves (Ouyang & Agam, 2020; arXiv:2008.12463).

    r = |(L - L₋)/L₋| for each player, with L₋ its loss in the step before. If r_D > λ r_G the discriminator moves,
    otherwise the generator; both do in the first step, which has nothing to compare with. Both losses are measured
    in every step, and the last ones are saved with the run.
    """

    ratio: PositiveFloat = Field(1.0, allow_inf_nan=False, description="how much faster D's loss must change (λ)")
    term: str = Field("loss", description=TERM)

    _last: dict[str, float] = PrivateAttr({})

    def build(self, task: Task) -> LossChange:
        """One that has seen nothing."""
        return self.model_copy()

    def step(self, game: Match) -> None:
        """Play one step."""
        for player in SIDES:
            game.gradients(player)
        for player in self._movers({player: _loss(game, player, self.term) for player in SIDES}):
            game.apply(player)

    def _movers(self, losses: dict[str, float | None]) -> tuple[str, ...]:
        now = {player: loss for player, loss in losses.items() if loss is not None}
        before, self._last = self._last, now
        if not (before and now):
            return SIDES
        changes = {player: abs(now[player] - before[player]) for player in SIDES}
        # Multiplied out, so that a loss of zero divides nothing.
        faster = changes["discriminator"] * abs(before["generator"])
        slower = self.ratio * changes["generator"] * abs(before["discriminator"])
        return ("discriminator",) if faster > slower else ("generator",)

    def state_dict(self) -> dict[str, Any]:
        """The last losses."""
        return {"last": dict(self._last)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict()`."""
        self._last = dict(state["last"])


def _loss(game: Match, player: str, term: str) -> float | None:
    """A player's last term; None in the dry run, which knows no numbers."""
    name = f"{player}/{term}"
    if name not in game.terms:
        raise ValueError(f"the game has no term '{name}': {', '.join(game.terms)}")
    value = game.terms[name]
    return None if value.is_meta else value.item()
