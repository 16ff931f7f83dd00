"""The rows of a batch that a play has, and what is said of all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import torch
from torch import Tensor

from ganreg.batch import DiscriminatorOutput
from ganreg.engine.outputs import by_row
from ganreg.engine.streams import Share
from ganreg.engine.world import ALONE, World
from ganreg.spec.runspec import Train


@dataclass(frozen=True)
class Rows:
    """Rows of a batch of `whole` pictures: a part of it, or what one of several processes has of a part.

    world: the processes that have the part between them.
    """

    own: slice
    whole: int
    world: World = ALONE

    @cached_property
    def count(self) -> int:
        """How many they are."""
        rows: int = self.own.stop - self.own.start
        return rows

    @cached_property
    def share(self) -> Share | None:
        """Which they are of the batch's, for random numbers; None where they are all."""
        return None if self.count == self.whole else Share(self.own.start, self.count, self.whole)

    @cached_property
    def together(self) -> bool:
        """Whether other processes have other rows of the part."""
        return not self.world.alone

    def of_part(
        self, output: DiscriminatorOutput, *, features: bool, gather: Callable[[Tensor], Tensor] | None = None
    ) -> DiscriminatorOutput:
        """An output with the rows of all processes; features are large, and stay out where nobody reads them.

        gather: gathers a tensor; that of the world, of which all processes make the same, where none is given.
        """
        if not self.together:
            return output
        gather = gather or partial(self.world.gather, alike=True)
        return by_row(gather, self.count, output if features else replace(output, features=()))

    def of_batch(self, outputs: Sequence[DiscriminatorOutput], *, features: bool) -> DiscriminatorOutput:
        """What is said of the whole batch, from what is said of its parts here."""
        if self.share is None:
            return outputs[0]
        parts = [self.of_part(output, features=features) for output in outputs]
        return by_row(lambda *rows: torch.cat(rows), self.count * self.world.size, *parts)

    def complete(
        self, said: Mapping[str, Sequence[DiscriminatorOutput | None]], *, features: bool
    ) -> dict[str, DiscriminatorOutput]:
        """What is said of the whole batch, by name, as far as all processes have it of all parts.

        said: what is said of each part here, None where nobody has asked; its names come in one order everywhere.
        """
        made = {name: [output for output in outputs if output is not None] for name, outputs in said.items()}
        everywhere = self.world.all([len(made[name]) == len(outputs) for name, outputs in said.items()])
        return {
            name: self.of_batch(outputs, features=features)
            for (name, outputs), complete in zip(made.items(), everywhere, strict=True)
            if complete
        }


def rows_of(train: Train, world: World = ALONE) -> tuple[Rows, ...]:
    """The rows that a process plays, of each part of a batch in turn."""
    size = train.batch_size // train.accumulate
    parts = (slice(k * size, (k + 1) * size) for k in range(train.accumulate))
    return tuple(Rows(world.own(part), train.batch_size, world) for part in parts)
