"""The run's loss, as games and parts call it: of several scales, and of what all processes have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from ganreg.batch import DiscriminatorOutput
from ganreg.errors import Mistake, SpecError
from ganreg.spec.runspec import RunSpec


class ScaledLoss:
    """A loss that takes outputs of several scales: it is asked once per scale, and the answers are summed.

    eager: whether it runs as it is written, compiled or not.
    """

    def __init__(
        self,
        loss: Any,
        spec: RunSpec,
        *,
        generator_uses_real: bool,
        whole: Callable[[DiscriminatorOutput], DiscriminatorOutput] = lambda output: output,
    ) -> None:
        self._loss = loss
        self._spec = spec
        self._whole = whole
        self.generator_uses_real = generator_uses_real
        self.eager = False
        self._compiled: Mapping[str, Callable[..., Tensor]] = {}

    def of(self, whole: Callable[[DiscriminatorOutput], DiscriminatorOutput]) -> ScaledLoss:
        """The same loss, of what `whole` makes of each output that it is given."""
        loss = ScaledLoss(self._loss, self._spec, generator_uses_real=self.generator_uses_real, whole=whole)
        loss.eager, loss._compiled = self.eager, self._compiled
        return loss

    def compile(self) -> None:
        """Compile both sides."""
        self._compiled = {side: torch.compile(getattr(self._loss, side)) for side in ("discriminator", "generator")}

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """The discriminator's loss, a scalar."""
        real, fake = self._whole(real), self._whole(fake)
        ask = self._side("discriminator")
        return reduce(torch.add, [ask(r, f) for r, f in zip(real.scales(), fake.scales(), strict=True)])

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """The generator's loss, a scalar. Raises SpecError where the game leaves out the real side that it reads."""
        if real is None and self.generator_uses_real:
            told = f"the game '{self._spec.game.name}' gives the generator's loss no real side"
            hint = "a game gives it play.real_output where play.loss.generator_uses_real"
            raise SpecError([Mistake(f"{told}, which the loss '{self._spec.loss.name}' reads", ("game",), hint=hint)])
        fakes = list(self._whole(fake).scales())
        reals = [None] * len(fakes) if real is None else list(self._whole(real).scales())
        ask = self._side("generator")
        return reduce(torch.add, [ask(r, f) for r, f in zip(reals, fakes, strict=True)])

    def _side(self, name: str) -> Callable[..., Tensor]:
        plain: Callable[..., Tensor] = getattr(self._loss, name)
        return plain if self.eager else self._compiled.get(name, plain)
