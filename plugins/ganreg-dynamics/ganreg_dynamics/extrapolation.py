"""Schedules whose gradients come from a point ahead of the one that moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, PrivateAttr

from ganreg import Schedule
from ganreg_dynamics.weights import named_weights

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg.engine.match import Match
    from ganreg.task import Task


class Extragradient(Schedule, name="extragradient"):
    """Extragradient (Korpelevich, 1976; for GANs Gidel et al., 2018; arXiv:1802.10551).

    ω' = ω - η F(ω), then ω ← ω - η F(ω'), where F is the gradient of each player's own loss, on a batch of its own
    each time. η F stands for what the optimizers do: with `moments` and Adam this is Extra-Adam, whose running moments
    take part in both halves. The averaging of the weights is the spec's `ema`.
    """

    moments: bool = Field(False, description="what the optimizers learn from the extrapolation is kept (Extra-Adam)")

    def step(self, game: Match) -> None:
        """Play one step."""
        with game.lookahead(optimizers=not self.moments):
            for player in game.players:
                game.gradients(player)
            for player in game.players:
                game.apply(player)
            for player in game.players:
                game.gradients(player)
        for player in game.players:
            game.apply(player)


class PastExtragradient(Extragradient, name="past-extragradient"):
    """Extrapolation from the past (Popov, 1980; for GANs Gidel et al., 2018; arXiv:1802.10551).

    ω' = ω - η F(ω'₋), then ω ← ω - η F(ω'), where ω'₋ is the last step's ω': an extragradient at the price of one
    gradient a step. The first step, which has no past, is an extragradient. The last gradients are saved with the run.
    """

    _past: dict[str, Tensor | None] = PrivateAttr({})

    def build(self, task: Task) -> PastExtragradient:
        """One that has no past."""
        built = self.model_copy()
        built._past = {}
        return built

    def step(self, game: Match) -> None:
        """Play one step."""
        if self._past:
            with game.lookahead(optimizers=not self.moments):
                self._recall(game)
                for player in game.players:
                    game.player(player).step()
                for player in game.players:
                    game.gradients(player)
            for player in game.players:
                game.apply(player)
        else:
            super().step(game)
        self._remember(game)

    def _remember(self, game: Match) -> None:
        for name, weight in named_weights(game).items():
            past = self._past.get(name)
            if weight.grad is None or past is None or past.shape != weight.shape:
                self._past[name] = None if weight.grad is None else weight.grad.clone()
            else:
                past.copy_(weight.grad)

    def _recall(self, game: Match) -> None:
        for name, weight in named_weights(game).items():
            past = self._past.get(name)
            weight.grad = None if past is None else past.to(weight)

    def state_dict(self) -> dict[str, Any]:
        """The last gradients."""
        return {"past": dict(self._past)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict()`."""
        self._past = {name: None if past is None else past.clone() for name, past in state["past"].items()}


class Prediction(Schedule, name="prediction"):
    """The prediction method (Yadav et al., 2017; arXiv:1705.07364): D meets the generator that is to come.

    θ⁺ = θ - η ∇L_G(θ, φ), θ̄ = θ⁺ + (θ⁺ - θ), φ⁺ = φ - η ∇L_D(θ̄, φ), with θ the generator's weights and φ the
    discriminator's.
    """

    def step(self, game: Match) -> None:
        """Play one step."""
        weights = [weight.detach() for weight in game.player("generator").parameters]
        before = [weight.clone() for weight in weights]
        game.update("generator")
        with game.lookahead("generator"):
            for weight, old in zip(weights, before, strict=True):
                weight.copy_(2 * weight - old)
            game.gradients("discriminator")
        game.apply("discriminator")
