"""What passes between a dataset, the networks, the losses and the metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Pictures with what belongs to them.

    images: (N, C, H, W), uint8 in [0, 255] or float in [-1, 1].
    labels: (N,) int64 class indices, or None.
    source: (N, C, H, W) source pictures of image-to-image data, in the form of `images`, or None.

    A small dataset's `build` may return one Batch that holds the whole set: the engine indexes it.
    """

    images: Tensor
    labels: Tensor | None = None
    source: Tensor | None = None

    def __len__(self) -> int:
        return len(self.images)

    def map(self, function: Any) -> Batch:
        """The batch with `function` applied to each tensor that is there."""
        values = ((f.name, getattr(self, f.name)) for f in fields(self))
        changed: dict[str, Any] = {name: None if value is None else function(value) for name, value in values}
        return Batch(**changed)

    def __getitem__(self, indices: Any) -> Batch:
        return self.map(lambda tensor: tensor[indices])

    def to(self, device: Any, *, non_blocking: bool = False) -> Batch:
        """The batch on another device."""
        return self.map(lambda tensor: tensor.to(device, non_blocking=non_blocking))


@dataclass(frozen=True)
class DiscriminatorOutput:
    """What a discriminator says of N pictures. A discriminator that returns a bare tensor returns its logits.

    logits: (N,), (N, 1) or, for patches, (N, 1, h, w); higher means more real. A tuple of them for several scales.
    features: intermediate activations, shallow to deep.
    embedding: (N, D), what the last linear layer sees.
    class_logits: (N, K).
    labels: (N,) the labels of the pictures in a conditional run; the engine fills it in.
    extra: anything else, by name.

    With several scales, `features`, `embedding`, `class_logits` and whatever is in `extra` may be tuples of the same
    length, one per scale.
    """

    logits: Any
    features: tuple[Any, ...] = ()
    embedding: Any = None
    class_logits: Any = None
    labels: Tensor | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def scales(self) -> Iterator[DiscriminatorOutput]:
        """One output per scale; itself where there is one scale."""
        if not isinstance(self.logits, tuple | list):
            yield self
            return
        for index, logits in enumerate(self.logits):

            def part(value: Any, index: int = index) -> Any:
                return value[index] if isinstance(value, tuple | list) else value

            nested = bool(self.features) and isinstance(self.features[0], tuple | list)
            yield replace(
                self,
                logits=logits,
                features=tuple(self.features[index]) if nested else self.features,
                embedding=part(self.embedding),
                class_logits=part(self.class_logits),
                extra={name: part(value) for name, value in self.extra.items()},
            )


@dataclass(frozen=True)
class Features:
    """What an extractor says of N pictures.

    values: (N, D), the point of each picture in the space that metrics measure in.
    logits: (N, K) of a classifier over K classes; None where there is none.
    """

    values: Tensor
    logits: Tensor | None = None
