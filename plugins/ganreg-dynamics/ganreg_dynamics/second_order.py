"""Schedules that differentiate the players' gradients: what one player's move does to the other's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from ganreg import Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from torch import Tensor

    from ganreg.engine.match import Match

    Vector = tuple[Tensor, ...]


class Consensus(Schedule, name="consensus"):
    """Consensus optimization (Mescheder et al., 2017; arXiv:1705.10461).

    ω ← ω - η(v + γ ∇½‖v‖²), where v holds the gradient of each player's own loss: all players agree to make it small.
    η stands for what the optimizers do.
    """

    weight: NonNegativeFloat = Field(10.0, allow_inf_nan=False, description="factor of the regularizer (γ)")

    def step(self, game: Match) -> None:
        """Play one step."""
        v = _field(game)
        toward = _gradient(_dot(v, v) / 2, _weights(game))
        _descend(game, [a + self.weight * b for a, b in zip(v, toward, strict=True)])


class SymplecticGradientAdjustment(Schedule, name="symplectic-gradient-adjustment"):
    """Symplectic gradient adjustment (Balduzzi et al., 2018; arXiv:1802.05642).

    ω ← ω - η(ξ + λ Aᵀξ), where ξ holds the gradient of each player's own loss, J = ∂ξ/∂ω and A = ½(J - Jᵀ), the part of
    the dynamics that rotates. With `align`, λ takes the sign of ⟨ξ, ∇H⟩⟨Aᵀξ, ∇H⟩/d + ε, with H = ½‖ξ‖², d the number of
    weights and ε = 0.1: towards stable fixed points, away from unstable ones.
    """

    strength: NonNegativeFloat = Field(1.0, allow_inf_nan=False, description="of the adjustment (λ)")
    align: bool = Field(True, description="choose the sign of the adjustment")

    def step(self, game: Match) -> None:
        """Play one step."""
        import torch

        weights = _weights(game)
        xi = _field(game)
        given = tuple(x.detach() for x in xi)
        uphill = _gradient(_dot(xi, given), weights, again=True)  # Jᵀξ, which is ∇H
        probe = tuple(torch.zeros_like(x, requires_grad=True) for x in xi)
        along = _gradient(_dot(_gradient(_dot(xi, probe), weights, again=True), given), probe)  # Jξ
        adjustment = [(a - b) / 2 for a, b in zip(uphill, along, strict=True)]
        strength: Any = self.strength
        if self.align:
            size = sum(x.numel() for x in xi)
            agreement = _dot(given, uphill) * _dot(adjustment, uphill) / size + 0.1
            strength = strength * agreement.detach().sign()
        _descend(game, [x + strength * a for x, a in zip(xi, adjustment, strict=True)])


class CompetitiveGradientDescent(Schedule, name="competitive-gradient-descent"):
    """Competitive gradient descent (Schäfer & Anandkumar, 2019; arXiv:1905.12103), for zero-sum games.

    Each player moves to the equilibrium of the local bilinear game. With f = -L_D, x the generator's weights and y the
    discriminator's, Δx = -η(I + η² D²_xy f D²_yx f)⁻¹(∇_x f + η D²_xy f ∇_y f), by conjugate gradients, and
    Δy = η(∇_y f + D²_yx f Δx). The generator minimizes f, whatever the loss says of it: take `wasserstein` or
    `minimax`, which are zero-sum. Take the optimizer `sgd` for both, with `lr` as here.
    """

    lr: PositiveFloat = Field(0.01, allow_inf_nan=False, description="learning rate (η)")
    iterations: PositiveInt = Field(10, le=1000, description="the most conjugate gradients")
    tolerance: NonNegativeFloat = Field(1e-6, description="of the residual, in relation to the right side")

    def step(self, game: Match) -> None:
        """Play one step."""
        x, y = (tuple(game.player(name).parameters) for name in ("generator", "discriminator"))
        game.gradients("generator")
        f = -game.objective("discriminator")()
        slopes_x, slopes_y = _gradient(f, x, again=True), _gradient(f, y, again=True)

        def xy(vector: Iterable[Tensor]) -> Vector:
            return _gradient(_dot(slopes_y, vector), x, keep=True)

        def yx(vector: Iterable[Tensor]) -> Vector:
            return _gradient(_dot(slopes_x, vector), y, keep=True)

        def matrix(vector: Vector) -> Vector:
            return _plus(vector, xy(yx(vector)), self.lr**2)

        given_x, given_y = (tuple(s.detach() for s in slopes) for slopes in (slopes_x, slopes_y))
        move = _solve(matrix, _plus(given_x, xy(given_y), self.lr), self.iterations, self.tolerance)
        answer = _plus(given_y, yx(move), -self.lr)
        _descend(game, [*move, *(-a for a in answer)], ("generator", "discriminator"))


class Unrolled(Schedule, name="unrolled"):
    """Unrolled GAN (Metz et al., 2016; arXiv:1611.02163): G answers the discriminator that D is about to become.

    φᵏ = φᵏ⁻¹ - η ∇L_D(θ, φᵏ⁻¹) from φ⁰ = φ; θ ← θ - η_θ dL_G(θ, φᴷ)/dθ and φ ← φ - η_φ ∂L_D(θ, φ)/∂φ. The derivative
    is whole, ∂L_G/∂θ + ∂L_G/∂φᴷ · dφᴷ/dθ, taken backwards through the K steps, which are played once more for it; with
    `second_order: false` it is the first term. Each unrolled step has a batch of its own.
    """

    unrolled_steps: PositiveInt = Field(5, le=1000, description="steps of D that G looks ahead (K)")
    lr: PositiveFloat = Field(1e-2, allow_inf_nan=False, description="learning rate of the unrolled steps (η)")
    second_order: bool = Field(True, description="G's gradient passes through D's steps")

    def step(self, game: Match) -> None:
        """Play one step."""
        theta, phi = (tuple(game.player(name).parameters) for name in ("generator", "discriminator"))
        current = [p.detach() for p in phi]
        trail: list[tuple[Callable[[], Tensor], list[Tensor]]] = []
        with game.lookahead("discriminator"):
            for _ in range(self.unrolled_steps):
                loss = game.objective("discriminator")
                trail.append((loss, [p.clone() for p in current]))
                for p, slope in zip(current, _gradient(loss(), phi), strict=True):
                    p.sub_(slope, alpha=self.lr)
            whole = _gradient(game.objective("generator")(), (*theta, *phi))
            slopes, adjoint = whole[: len(theta)], whole[len(theta) :]
            for loss, weights in reversed(trail) if self.second_order else ():
                for p, value in zip(current, weights, strict=True):
                    p.copy_(value)
                through = _gradient(_dot(_gradient(loss(), phi, again=True), adjoint), (*theta, *phi))
                slopes = _plus(slopes, through[: len(theta)], -self.lr)
                adjoint = _plus(adjoint, through[len(theta) :], -self.lr)
        for p, slope in zip(theta, slopes, strict=True):
            p.grad = slope
        game.gradients("discriminator")
        for player in ("generator", "discriminator"):
            game.apply(player)


def _weights(game: Match) -> tuple[Any, ...]:
    return tuple(weight for player in game.players for weight in game.player(player).parameters)


def _field(game: Match) -> Vector:
    """The gradient of each player's own loss by its own weights, all at one point; differentiable."""
    objectives = [(player, game.objective(player)) for player in game.players]
    parts = [_gradient(loss(), game.player(player).parameters, again=True) for player, loss in objectives]
    return tuple(slope for part in parts for slope in part)


def _gradient(value: Tensor, by: Sequence[Tensor], *, again: bool = False, keep: bool = False) -> Vector:
    """∂value/∂by, zero where it does not matter; `again` for one that is differentiated, `keep` for the graph."""
    import torch

    if not value.requires_grad:
        return tuple(map(torch.zeros_like, by))
    return torch.autograd.grad(
        value, by, create_graph=again, retain_graph=again or keep, allow_unused=True, materialize_grads=True
    )


def _dot(one: Iterable[Tensor], other: Iterable[Tensor]) -> Tensor:
    """⟨one, other⟩; a complex number counts as the pair of reals that it is."""
    import torch

    return torch.stack([(a.conj() * b).real.sum() for a, b in zip(one, other, strict=True)]).sum()


def _plus(one: Iterable[Tensor], other: Iterable[Tensor], factor: Any) -> Vector:
    return tuple(a + factor * b for a, b in zip(one, other, strict=True))


def _solve(matrix: Callable[[Vector], Vector], right: Vector, iterations: int, tolerance: float) -> Vector:
    """Conjugate gradients from 0 (Hestenes & Stiefel, 1952). What is reached stays, without a branch on values."""
    import torch

    found = tuple(map(torch.zeros_like, right))
    residual = direction = right
    square = _dot(right, right)
    enough = tolerance**2 * square
    for _ in range(iterations):
        image = matrix(direction)
        going = square > enough
        step = torch.where(going, square / _dot(direction, image), 0)
        found = _plus(found, direction, step)
        residual = _plus(residual, image, -step)
        before, square = square, _dot(residual, residual)
        direction = _plus(residual, direction, torch.where(going, square / before, 0))
    return found


def _descend(game: Match, slopes: Iterable[Tensor], players: Sequence[str] = ()) -> None:
    """Move the players against these slopes, each by its optimizer."""
    rest = iter(slopes)
    for player in players or game.players:
        for weight in game.player(player).parameters:
            weight.grad = next(rest).detach()
    for player in players or game.players:
        game.apply(player)
