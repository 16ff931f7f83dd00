"""The optimizer beside a lazy penalty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, PositiveInt, model_validator

from ganreg import Optimizer

if TYPE_CHECKING:
    from ganreg.task import Task


class Lazy(Optimizer, name="lazy"):
    """An optimizer in Adam's manner, corrected for a penalty with `every: k` (Karras et al., 2019; arXiv:1912.04958).

    lr' = c·lr and β' = βᶜ with c = k/(k + 1) (appendix B, "Lazy regularization"): the paper takes the penalty in a
    step of its own, so that k steps become k + 1. Here the penalty joins every k-th step, and this makes the settings
    the same as there.
    """

    base: Optimizer = Field(examples=["classic/adam"], description="the optimizer, with an lr and betas")
    every: PositiveInt = Field(16, description="the penalty's `every` (k)")

    @model_validator(mode="after")
    def _base_can_be_corrected(self) -> Self:
        lacking = [name for name in ("lr", "betas") if name not in type(self.base).model_fields]
        if lacking:
            remedy = "name it without 'lazy', or take one that has both, such as adam"
            raise ValueError(f"'{self.base.name}' has no {' and no '.join(lacking)} to correct: {remedy}")
        return self

    def build(self, task: Task) -> Any:
        """Parameters to the base's optimizer of them, with the corrected settings."""
        share = self.every / (self.every + 1)
        settings: Any = self.base
        corrected = {"lr": share * settings.lr, "betas": tuple(beta**share for beta in settings.betas)}
        return self.base.model_copy(update=corrected).build(task)
