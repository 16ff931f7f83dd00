"""Optimizers of torch, with the settings that GANs are usually trained with as defaults."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator

from ganreg import Optimizer

if TYPE_CHECKING:
    import torch

    from ganreg.task import Task

    Factory = Callable[[Iterable[Any]], torch.optim.Optimizer]

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Decay = Annotated[float, Field(ge=0, lt=1)]


def _fused(optimizer: type[torch.optim.Optimizer], **settings: Any) -> Factory:
    """Parameters to an optimizer that moves all of them in one pass over the memory, where torch has such a kernel."""

    def make(parameters: Iterable[Any]) -> torch.optim.Optimizer:
        given = list(parameters)
        moved = [p for group in given for p in (group["params"] if isinstance(group, dict) else [group])]
        fused = all(p.device.type in ("cpu", "cuda", "mps", "xpu") and p.is_floating_point() for p in moved)
        return optimizer(given, fused=fused, **settings)

    return make


class Adam(Optimizer, name="adam"):
    """Adam (Kingma & Ba, 2014; arXiv:1412.6980) with DCGAN's settings (arXiv:1511.06434)."""

    lr: Positive = Field(2e-4, description="learning rate")
    betas: tuple[Decay, Decay] = Field((0.5, 0.999), description="decay of the running mean and mean square")
    eps: Positive = Field(1e-8, description="added to the denominator")
    weight_decay: NonNegative = Field(0.0, description="factor of the L2 penalty")

    def build(self, task: Task) -> Factory:
        """Parameters to `torch.optim.Adam`."""
        import torch

        settings = {"lr": self.lr, "betas": self.betas, "eps": self.eps, "weight_decay": self.weight_decay}
        return _fused(torch.optim.Adam, **settings)


class RMSprop(Optimizer, name="rmsprop"):
    """RMSprop (Tieleman & Hinton, 2012) with WGAN's learning rate (arXiv:1701.07875)."""

    lr: Positive = Field(5e-5, description="learning rate")
    alpha: Decay = Field(0.99, description="decay of the running mean square")
    eps: Positive = Field(1e-8, description="added to the denominator")
    momentum: NonNegative = Field(0.0, description="factor of the last step that is kept")
    weight_decay: NonNegative = Field(0.0, description="factor of the L2 penalty")

    def build(self, task: Task) -> Factory:
        """Parameters to `torch.optim.RMSprop`."""
        import torch

        return partial(
            torch.optim.RMSprop,
            lr=self.lr,
            alpha=self.alpha,
            eps=self.eps,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
        )


class SGD(Optimizer, name="sgd"):
    """Stochastic gradient descent, with momentum if wanted (Sutskever et al., 2013)."""

    lr: Positive = Field(1e-2, description="learning rate")
    momentum: NonNegative = Field(0.0, description="factor of the last step that is kept")
    nesterov: bool = Field(False, description="look ahead along the momentum (Nesterov)")
    weight_decay: NonNegative = Field(0.0, description="factor of the L2 penalty")

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> Self:
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum above 0")
        return self

    def build(self, task: Task) -> Factory:
        """Parameters to `torch.optim.SGD`."""
        import torch

        return _fused(
            torch.optim.SGD,
            lr=self.lr,
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay,
        )
