"""Defects of any kind of component, that show before anything is built."""

from collections.abc import Callable
from typing import Any

from pydantic import ConfigDict, Field, PositiveFloat

from defects import caught_by
from ganreg import Generator, Loss


class Softplus(Loss):
    """softplus(-D(x)) + softplus(D(G(z))), and softplus(-D(G(z)))."""

    def discriminator(self, real, fake):
        return soft(-real.logits) + soft(fake.logits)

    def generator(self, real, fake):
        return soft(-fake.logits)


def soft(values):
    from torch.nn.functional import softplus

    return softplus(values).mean()


class Sound(Generator):
    """One dense layer."""

    def build(self, task):
        from defects.modules import Maker

        return Maker(task)


@caught_by("documented")
class Undocumented(Sound, name="undocumented"):
    pass


@caught_by("documented")
class Sourceless(Softplus, name="sourceless"):
    """A loss of somebody."""


@caught_by("described")
class Undescribed(Sound, name="undescribed"):
    """One dense layer."""

    width: int = 8


@caught_by("constructs")
class OutOfBounds(Softplus, name="out-of-bounds"):
    """Softplus, log(1 + e^x)."""

    margin: PositiveFloat = Field(0.0, description="no default that may be")


@caught_by("constructs")
class NoExample(Softplus, name="no-example"):
    """Softplus, log(1 + e^x)."""

    margin: float = Field(description="required, and the kit cannot guess it")


@caught_by("constructs")
class Unequal(Softplus, name="unequal"):
    """Softplus, log(1 + e^x)."""

    def __eq__(self, other):
        return self is other

    __hash__ = None


@caught_by("strict")
class Lenient(Softplus, name="lenient"):
    """Softplus, log(1 + e^x)."""

    model_config = ConfigDict(extra="ignore")


@caught_by("strict")
class Changeable(Softplus, name="changeable"):
    """Softplus, log(1 + e^x)."""

    model_config = ConfigDict(frozen=False)
    margin: float = Field(1.0, description="can be changed")


@caught_by("round-trip")
class KeepsToItself(Softplus, name="keeps-to-itself"):
    """Softplus, log(1 + e^x)."""

    margin: float = Field(1.0, examples=[2.0], exclude=True, description="is not written into the spec")


@caught_by("round-trip")
class TakesCode(Softplus, name="takes-code"):
    """Softplus, log(1 + e^x)."""

    reduction: Callable[[Any], Any] = Field(max, description="a function, which no spec can hold")


@caught_by("torch-free")
class EarlyTorch(Softplus, name="early-torch"):
    """Softplus, log(1 + e^x)."""

    def check(self, task):
        import torch

        if task.latent > torch.iinfo(torch.int32).max:
            raise ValueError("too long")


@caught_by("tasks")
class RaisesTypeError(Softplus, name="raises-type-error"):
    """Softplus, log(1 + e^x)."""

    def check(self, task):
        if task.image[1] != task.image[2]:
            raise TypeError("square pictures only")


@caught_by("tasks")
class Returns(Softplus, name="returns"):
    """Softplus, log(1 + e^x); says no in a way that nobody hears."""

    def check(self, task):
        return task.image[1] == task.image[2]


@caught_by("tasks")
class RefusesAll(Softplus, name="refuses-all"):
    """Softplus, log(1 + e^x)."""

    def check(self, task):
        raise ValueError("not today")


@caught_by("requires")
class Misspelt(Softplus, name="misspelt"):
    """Softplus, log(1 + e^x)."""

    requires = frozenset({"feature"})
