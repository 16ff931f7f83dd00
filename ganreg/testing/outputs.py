"""What a discriminator might say: made-up outputs for losses to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from ganreg.batch import DiscriminatorOutput
from ganreg.engine.outputs import as_output
from ganreg.testing import arena
from ganreg.testing.network import Network, build
from ganreg.testing.suite import Subject
from ganreg.testing.tasks import CLASSES

BLANK: Mapping[str, Any] = {"features": (), "embedding": None, "class_logits": None}
"""The fields as a discriminator leaves them that does not provide them."""

FIELDS = frozenset(BLANK)


class Judgements:
    """Outputs for the loss under test, alike in everything but what is asked for.

    They say what the loss requires and no more; with `everything` every field is filled. From what it requires beyond
    the fields of every output, a discriminator that provides it is run.
    """

    def __init__(
        self, subject: Subject, count: int = 4, dtype: torch.dtype = torch.float64, *, everything: bool = False
    ) -> None:
        cast, self.task = arena.company(subject)
        self._numbers = torch.Generator().manual_seed(0)
        self._count = count
        self._dtype = dtype
        made_up = self._made_up(CLASSES if everything else self.task.classes)
        self._template = made_up
        if subject.requires - FIELDS:
            module = build(cast["discriminator"], self.task).to(dtype)
            made = Network("discriminator", module, self.task)(count, dtype=dtype)
            self._template = _mapped(next(as_output(made, made_up.labels).scales()), Tensor.detach)
        free = {name: getattr(made_up, name) if everything else blank for name, blank in BLANK.items()}
        self._template = replace(self._template, **{n: v for n, v in free.items() if n not in subject.requires})

    def _made_up(self, classes: int | None) -> DiscriminatorOutput:
        count = self._count
        return DiscriminatorOutput(
            logits=None,
            features=(self._draw(count, 3, 4, 4), self._draw(count, 5, 2, 2)),
            embedding=self._draw(count, 6),
            class_logits=None if classes is None else self._draw(count, classes),
            labels=None if classes is None else torch.arange(count) % classes,
        )

    def _draw(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self._numbers, dtype=self._dtype)

    def random(self, *shape: int) -> DiscriminatorOutput:
        """Another output at each call; logits, of a shape, and whatever else it has are leaves that want gradients."""
        output = replace(self._template, logits=2 * self._draw(*shape))
        return _mapped(output, lambda tensor: (tensor.detach() + 0.1 * self._draw(*tensor.shape)).requires_grad_())

    def constant(self, logit: float) -> DiscriminatorOutput:
        """An output of one logit for every picture."""
        return replace(self._template, logits=torch.full((self._count,), logit, dtype=self._dtype))


def doubled(output: DiscriminatorOutput) -> DiscriminatorOutput:
    """The same with each row twice, in turn."""

    def twice(value: Any) -> Any:
        return torch.cat([value, value]) if isinstance(value, Tensor) else value

    return DiscriminatorOutput(**{name: tree_map(twice, value) for name, value in vars(output).items()})


def _mapped(output: DiscriminatorOutput, function: Any) -> DiscriminatorOutput:
    """The output with a function applied to every tensor of floating point."""

    def one(value: Any) -> Any:
        return function(value) if isinstance(value, Tensor) and value.is_floating_point() else value

    changed = {name: tree_map(one, value) for name, value in vars(output).items()}
    return DiscriminatorOutput(**changed)
