"""Optimizers made for games: they converge where gradient descent circles."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ganreg import Optimizer

if TYPE_CHECKING:
    import torch

    from ganreg.task import Task

    Factory = Callable[[Iterable[Any]], torch.optim.Optimizer]

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Decay = Annotated[float, Field(ge=0, lt=1)]


class OptimisticGradientDescent(Optimizer, name="optimistic-gradient-descent"):
    """Optimistic mirror descent for games (Daskalakis et al., 2017; arXiv:1711.00141).

    θ_{t+1} = θ_t - 2η ∇_t + η ∇_{t-1}, with ∇_{-1} = 0: the last gradient is what the next is expected to be. Take
    the schedule `simultaneous`.
    """

    lr: Positive = Field(1e-2, description="learning rate (η)")

    def build(self, task: Task) -> Factory:
        """Parameters to the optimizer."""
        from ganreg_dynamics.descent import OptimisticGradientDescent

        return partial(OptimisticGradientDescent, lr=self.lr)


class OptimisticAdam(Optimizer, name="optimistic-adam"):
    """Optimistic Adam (Daskalakis et al., 2017; arXiv:1711.00141).

    θ_{t+1} = θ_t - 2η u_t + η u_{t-1}, where u = m̂/(√v̂ + ε) is Adam's direction, and u_{-1} = 0.
    """

    lr: Positive = Field(1e-4, description="learning rate (η)")
    betas: tuple[Decay, Decay] = Field((0.5, 0.999), description="decay of the running mean and mean square")
    eps: Positive = Field(1e-8, description="added to the denominator (ε)")

    def build(self, task: Task) -> Factory:
        """Parameters to the optimizer."""
        from ganreg_dynamics.descent import OptimisticAdam

        return partial(OptimisticAdam, lr=self.lr, betas=self.betas, eps=self.eps)


class NegativeMomentum(Optimizer, name="negative-momentum"):
    """Gradient descent with negative momentum (Gidel et al., 2018; arXiv:1807.04740).

    θ_{t+1} = θ_t - η ∇_t + β(θ_t - θ_{t-1}) with β < 0, which brakes the rotation of a game. Take the schedule
    `alternating`: with simultaneous updates it does not converge on bilinear games.
    """

    lr: Positive = Field(1e-2, description="learning rate (η)")
    momentum: float = Field(-0.5, gt=-1, lt=0, description="factor of the last displacement (β)")

    def build(self, task: Task) -> Factory:
        """Parameters to the optimizer."""
        from ganreg_dynamics.descent import NegativeMomentum

        return partial(NegativeMomentum, lr=self.lr, momentum=self.momentum)


class Torch(Optimizer, name="torch"):
    """One of torch's own optimizers, by its name in `torch.optim`, for those that have no part of their own.

    {name: torch, optimizer: AdamW, settings: {lr: 2e-4, betas: [0.5, 0.999]}}; {optimizer: Adam, settings: {amsgrad:
    true}} is AMSGrad (Reddi et al., 2019; arXiv:1904.09237). Update rules and settings are in torch's documentation.
    """

    optimizer: Literal[
        "ASGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD"
    ] = Field("AdamW", description="name in torch.optim")
    settings: dict[str, float | bool | tuple[float, float]] = Field(
        {}, description="its arguments, such as lr; torch's defaults where there are none"
    )

    def build(self, task: Task) -> Factory:
        """Parameters to the optimizer."""
        import torch

        make = partial(getattr(torch.optim, self.optimizer), **self.settings)
        # A setting that it does not take is told of here, where the spec is at hand.
        make([torch.nn.Parameter(torch.zeros(1))])
        return make
