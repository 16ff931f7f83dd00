"""Augmentations of augmentations: one after the other, and with a strength that follows the steps."""

from __future__ import annotations

from math import cos, pi
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, PrivateAttr, ValidationError, model_validator

from ganreg import Augmentation

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg.engine.play import Play
    from ganreg.engine.streams import Stream


class Chain(Augmentation, name="chain"):
    """One augmentation after the other."""

    parts: tuple[Augmentation, ...] = Field(
        min_length=1, examples=[["augment/flip", "augment/shift"]], description="what is done, in this order"
    )

    def __call__(self, images: Tensor, random: Stream) -> Tensor:
        """(N, C, H, W) to the same."""
        for part in self.parts:
            images = part(images, random)
        return images


class Scheduled(Augmentation, name="scheduled"):
    """An augmentation with one parameter that follows the steps: from `start`, along a ramp, to `end`.

    v(t) = start + (end - start)·r, r = (t - delay)/steps between 0 and 1, in a cosine ramp (1 - cos πr)/2. Without a
    `parameter`, v is the probability with which a picture is augmented at all; that serves every augmentation. t is
    the number of steps that are done.
    """

    base: Augmentation = Field(examples=["augment/instance-noise"], description="what is scheduled")
    parameter: str | None = Field(None, description="the number of the base that follows; null for a probability")
    start: float = Field(0.0, allow_inf_nan=False, description="its value before")
    end: float = Field(1.0, allow_inf_nan=False, description="its value after")
    delay: NonNegativeInt = Field(0, description="steps before the ramp")
    steps: PositiveInt = Field(1000, description="steps of the ramp")
    shape: Literal["linear", "cosine"] = Field("linear", description="of the ramp")

    _step: int = PrivateAttr(0)

    @model_validator(mode="after")
    def _base_takes_both_ends(self) -> Self:
        if self.parameter is None:
            if not (0 <= self.start <= 1 and 0 <= self.end <= 1):
                raise ValueError("without a parameter, start and end are probabilities: they lie in [0, 1]")
            return self
        numbers = [name for name, value in self.base if type(value) in (int, float)]
        if self.parameter not in numbers:
            raise ValueError(f"'{self.base.name}' has no number '{self.parameter}': {', '.join(numbers) or 'none'}")
        if type(self.base).build is not Augmentation.build:
            raise ValueError(f"'{self.base.name}' has its numbers from the start: leave parameter out")
        for value in (self.start, self.end):
            try:
                type(self.base).model_validate({**dict(self.base), self.parameter: self._fitting(value)})
            except ValidationError as error:
                raise ValueError(f"{self.parameter}: {value}: {error.errors()[0]['msg']}") from None
        return self

    def __call__(self, images: Tensor, random: Stream) -> Tensor:
        """(N, C, H, W) to the same."""
        import torch

        if self.parameter is not None:
            base = self.base.model_copy(update={self.parameter: self._fitting(self.value)})
            return base(images, random)
        augmented = random.uniform(len(images), 1, 1, 1) < self.value
        return torch.where(augmented, self.base(images, random), images)

    @property
    def value(self) -> float:
        """v of the present step."""
        share = min(max(self._step - self.delay, 0) / self.steps, 1.0)
        if self.shape == "cosine":
            share = (1 - cos(pi * share)) / 2
        return self.start + (self.end - self.start) * share

    def after_update(self, play: Play) -> None:
        """The step is done, or begun again by another player."""
        self._step = play.step + 1

    def state_dict(self) -> dict[str, Any]:
        """The step."""
        return {"step": self._step}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict()`."""
        self._step = state["step"]

    def _fitting(self, value: float) -> float:
        whole = isinstance(getattr(self.base, self.parameter or ""), int)
        return round(value) if whole else value
