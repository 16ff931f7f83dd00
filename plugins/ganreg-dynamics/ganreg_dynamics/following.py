"""An optimizer's settings, which follow its updates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.optim import Optimizer

from ganreg_dynamics.curves import Curve

UPDATES = "updates"
"""The count, in the state of each parameter: what is there is saved, and taken back after a look ahead."""


def following(optimizer: Optimizer, lr: Curve | None, beta2: Curve | None) -> Optimizer:
    """The optimizer itself, whose step first sets learning rate and β₂ by the number of its updates."""
    base = [dict(group) for group in optimizer.param_groups]
    take_step: Callable[..., Any] = optimizer.step

    def step(closure: Any = None) -> Any:
        state = optimizer.state
        updates = max((values.get(UPDATES, 0) for values in state.values()), default=0)
        for group, given in zip(optimizer.param_groups, base, strict=True):
            if lr:
                group["lr"] = given["lr"] * lr(updates)
            if beta2:
                first, second = given["betas"]
                group["betas"] = (first, 1 - beta2(updates) * (1 - second))
        value = take_step(closure)
        # Only now: an optimizer takes a state that is not empty for one of its own.
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    state[parameter][UPDATES] = updates + 1
        return value

    optimizer.step = step  # type: ignore[method-assign]
    return optimizer
