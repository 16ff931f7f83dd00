"""Optimizers and penalties that change as the run goes on, made of any other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, PrivateAttr, model_validator

from ganreg import Optimizer, Penalty
from ganreg_dynamics.curves import Curve

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ganreg.engine.play import Play
    from ganreg.task import Task

    Factory = Callable[[Iterable[Any]], torch.optim.Optimizer]

HALVED = {"end": 0.5, "steps": 4, "shape": "cosine"}
LATER = {"start": 0.0, "end": 1.0, "delay": 1, "steps": 4}
"""What the parts are tried with."""


class AnnealedOptimizer(Optimizer, name="annealed"):
    """Any optimizer, with a learning rate and a β₂ that follow its updates, along a cosine or a line.

    Before update t (from 0) the learning rate is f(t)·lr, and β₂ is 1 - g(t)·(1 - β₂), with f and g curves:
    {start: 1, end: 0, delay: 50000, steps: 50000} is CycleGAN's linear decay, {start: 0.01, end: 1, steps: 1000} a
    warm-up, `shape: cosine` that of SGDR (Loshchilov & Hutter, 2016; arXiv:1608.03983). t is kept beside the
    optimizer's own state: it is saved with the run, and a look ahead does not count.
    """

    base: Optimizer = Field(examples=["classic/adam"], description="the optimizer: any that is installed")
    lr: Curve | None = Field(None, examples=[HALVED], description="curve of the learning rate's factor f")
    beta2: Curve | None = Field(
        None, examples=[HALVED], description="curve of the factor g of 1 - β₂, for Adam and its like"
    )

    @model_validator(mode="after")
    def _something_follows(self) -> Self:
        if self.lr is None and self.beta2 is None:
            raise ValueError("nothing follows the updates: give a curve of lr, of beta2, or of both")
        return self

    def build(self, task: Task) -> Factory:
        """Parameters to the base's optimizer of them, whose settings follow."""
        import torch

        from ganreg_dynamics.following import following

        make = self.base.build(task)
        self._check_groups(make([torch.nn.Parameter(torch.zeros(1))]).param_groups)
        return lambda parameters: following(make(parameters), self.lr, self.beta2)

    def _check_groups(self, groups: list[dict[str, Any]]) -> None:
        if self.beta2 is None:
            return
        for group in groups:
            if "betas" not in group:
                raise ValueError(f"the optimizer '{self.base.name}' has no β₂: take one such as adam")
            if not all(0 < end * (1 - group["betas"][1]) <= 1 for end in self.beta2.ends()):
                raise ValueError("beta2: with these factors β₂ = 1 - g·(1 - β₂) would leave [0, 1)")


class AnnealedPenalty(Penalty, name="annealed"):
    """Any penalty, with a weight that follows the steps: warm-up or decay, along a line or a cosine.

    f(t)·w·R, where R is the base's term, w its `weight`, t the step from 0, and f a curve. `weight` is one more factor,
    and `every` is given here: the base's own must be 1.
    """

    base: Penalty = Field(examples=["classic/r1"], description="the penalty: any that is installed")
    curve: Curve = Field(examples=[LATER], description="curve of the weight's factor f")

    _weight: float = PrivateAttr(1.0)

    @model_validator(mode="after")
    def _interval_is_ours(self) -> Self:
        if self.base.every != 1:
            raise ValueError(f"every: {self.base.every} belongs here, not to '{self.base.name}': give that every: 1")
        return self

    @model_validator(mode="after")
    def _base_has_a_term(self) -> Self:
        its = type(self.base)
        if its.__call__ is Penalty.__call__ and its.build is Penalty.build:
            raise ValueError(f"'{self.base.name}' has no term whose weight could follow a curve: name it by itself")
        return self

    @property
    def player(self) -> str:  # type: ignore[override]
        """The base's."""
        return self.base.player

    @property
    def requires(self) -> frozenset[str]:
        """What the base requires."""
        return frozenset(self.base.requires)

    @property
    def double_backward(self) -> bool:  # type: ignore[override]
        """As the base does."""
        return self.base.double_backward

    def check(self, task: Task) -> None:
        """The base's."""
        self.base.check(task)

    def build(self, task: Task) -> AnnealedPenalty:
        """The same around what the base builds, which need not know its weight any more."""
        built = self.model_copy(update={"base": self.base.build(task)})
        built._weight = self.base.weight
        return built

    def __call__(self, play: Play) -> Tensor | None:
        """The base's term, with its weight and factor."""
        term = self.base(play)
        return None if term is None else term * (self._weight * self.curve(play.step))
