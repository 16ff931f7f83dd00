"""Losses made of another loss, any that is installed."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import Field, PositiveInt, PrivateAttr

from ganreg import Loss

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from ganreg import DiscriminatorOutput
    from ganreg.engine.play import Play
    from ganreg.task import Task


class Combinator(Loss):
    """Base of losses that compare the logits that another one reads.

    One that reads something else would never hear of it: `sliced` goes around a combinator, and not into it.
    """

    base: Loss = Field(  # type: ignore[assignment]
        "classic/non-saturating", description="the loss that is combined: any that reads logits alone"
    )

    def check(self, task: Task) -> None:
        """Refuse what the base refuses, and a base that reads more than logits."""
        self.base.check(task)
        if self.base.requires:
            read = " and ".join(sorted(self.base.requires))
            raise ValueError(f"its base '{self.base.name}' reads {read}, and not the logits that are compared")


class Comparison(Combinator):
    """Base of the relativistic losses: the discriminator's loss of compared logits, the sides exchanged for G."""

    generator_uses_real = True

    @abstractmethod
    def beyond(self, logits: Tensor, others: Tensor) -> Tensor:
        """How much more real one side is than the other."""

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """The base's loss of both sides, each compared with the other."""
        r, f = self.beyond(real.logits, fake.logits), self.beyond(fake.logits, real.logits)
        return self.base.discriminator(replace(real, logits=r), replace(fake, logits=f))

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """The same with generated pictures called real, and real ones generated."""
        assert real is not None
        return self.discriminator(fake, real)


class Relativistic(Comparison, name="relativistic"):
    """Relativistic GAN of any loss (Jolicoeur-Martineau, 2018; arXiv:1807.00734).

    Each real picture is compared with the generated one at its place in the batch. With f₁, f₂ the base's terms of real
    and generated pictures, r = D(x), f = D(G(z)): discriminator ½E[f₁(r - f)] + ½E[f₂(f - r)], generator
    ½E[f₁(f - r)] + ½E[f₂(r - f)]. The half makes of a symmetric base, f₂(y) = f₁(-y), whose terms are equal, the
    paper's simple form E[f₁(r - f)]: with `non-saturating` that is RSGAN's -E[log σ(r - f)].
    """

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """The mean of both terms."""
        return super().discriminator(real, fake) / 2

    def beyond(self, logits: Tensor, others: Tensor) -> Tensor:
        """The difference of each pair."""
        return logits - others


class RelativisticAverage(Comparison, name="relativistic-average"):
    """Relativistic average GAN of any loss (Jolicoeur-Martineau, 2018; arXiv:1807.00734).

    Each picture is compared with the other side on average. With f₁, f₂ the base's terms of real and generated
    pictures, r = D(x), f = D(G(z)): discriminator E[f₁(r - E[f])] + E[f₂(f - E[r])], generator
    E[f₁(f - E[r])] + E[f₂(r - E[f])].
    """

    def beyond(self, logits: Tensor, others: Tensor) -> Tensor:
        """The distance from the other side's mean."""
        return logits - others.mean()


class TopK(Combinator, name="top-k"):
    """Top-k training of the generator, with any loss (Sinha et al., 2020; arXiv:2002.06224).

    Discriminator: the base's. Generator: the base's on the k pictures of the batch that D finds most real, by the mean
    of their logits. k = max(γ^t, ν)·N, at least 1, where N is the batch and t counts the generator's updates in
    intervals (the paper's are epochs). t is saved with the run.
    """

    decay: float = Field(0.99, gt=0, le=1, description="factor of k after each interval (γ)")
    interval: PositiveInt = Field(1000, description="updates of the generator in an interval")
    least: float = Field(0.5, gt=0, le=1, description="share of the batch that k never falls below (ν)")
    _updates: int = PrivateAttr(0)

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """The base's, on everything."""
        return self.base.discriminator(real, fake)

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """The base's on the best generated pictures, and the real ones at their places."""
        share = max(self.decay ** (self._updates // self.interval), self.least)
        scores = fake.logits.reshape(len(fake.logits), -1).mean(dim=1)
        best = scores.topk(max(1, int(share * len(scores)))).indices
        return self.base.generator(real and _chosen(real, best), _chosen(fake, best))

    def after_update(self, play: Play) -> None:
        """Count the generator's updates."""
        self._updates += play.player == "generator"

    def state_dict(self) -> dict[str, int]:
        """The count."""
        return {"updates": self._updates}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Count on from a state."""
        self._updates = state["updates"]


def _chosen(output: DiscriminatorOutput, pictures: Tensor) -> DiscriminatorOutput:
    """What is said of some of the pictures."""
    from torch import is_tensor

    def of(value: Any) -> Any:
        if isinstance(value, tuple | list):
            return tuple(map(of, value))
        return value[pictures] if is_tensor(value) else value

    fields = ("logits", "features", "embedding", "class_logits", "labels")
    extra = {name: of(value) for name, value in output.extra.items()}
    return replace(output, **{name: of(getattr(output, name)) for name in fields}, extra=extra)
