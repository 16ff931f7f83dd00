"""The optimizers themselves: each is the displacement that it makes of a gradient."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


class Descent(torch.optim.Optimizer):
    """Moves each parameter by a displacement that depends on its gradient and its own state."""

    def __init__(self, parameters: Iterable[Any], **settings: Any) -> None:
        super().__init__(parameters, settings)

    @abstractmethod
    def displacement(self, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
        """What is added to the parameter."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Move every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.add_(self.displacement(parameter.grad, self.state[parameter], group))
        return loss


class OptimisticGradientDescent(Descent):
    """-2η ∇_t + η ∇_{t-1}."""

    def displacement(self, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
        """Twice this gradient's step, less the last one's."""
        return _optimistic(gradient, state, group["lr"])


class OptimisticAdam(Descent):
    """-2η u_t + η u_{t-1}, with Adam's direction u."""

    def displacement(self, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
        """Twice this direction's step, less the last one's."""
        (first, second), step = group["betas"], state.get("step", 0) + 1
        mean = state.get("mean", torch.zeros_like(gradient)).lerp(gradient, 1 - first)
        square = state.get("square", torch.zeros_like(gradient)).lerp(gradient.square(), 1 - second)
        state.update(step=step, mean=mean, square=square)
        root = (square / (1 - second**step)).sqrt()
        return _optimistic(mean / (1 - first**step) / (root + group["eps"]), state, group["lr"])


class NegativeMomentum(Descent):
    """-η ∇_t + β(θ_t - θ_{t-1})."""

    def displacement(self, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
        """The step, and a part of the last displacement back."""
        moved: Tensor = state.setdefault("moved", torch.zeros_like(gradient))
        return moved.mul_(group["momentum"]).sub_(group["lr"] * gradient)


def _optimistic(direction: Tensor, state: dict[str, Any], lr: float) -> Tensor:
    last: Tensor = state.setdefault("last", torch.zeros_like(direction))
    displacement: Tensor = lr * (last - 2 * direction)
    last.copy_(direction)
    return displacement
