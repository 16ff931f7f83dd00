"""f-GAN; what its table says is in `divergences`. r = D(x) and f = D(G(z)) are logits, sp(y) = log(1 + e^y)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from ganreg import Loss

if TYPE_CHECKING:
    from typing import Self

    from torch import Tensor

    from ganreg import DiscriminatorOutput

Divergence = Literal[
    "total-variation",
    "kullback-leibler",
    "reverse-kl",
    "pearson",
    "neyman",
    "squared-hellinger",
    "jeffrey",
    "jensen-shannon",
    "jensen-shannon-weighted",
    "gan",
    "alpha",
]


class FGAN(Loss, name="f-gan"):
    """f-GAN (Nowozin et al., 2016; arXiv:1606.00709, equation 6), a GAN of any f-divergence of its table 6.

    Discriminator: -E[g(r)] + E[f*(g(f))], with output activation g and conjugate f* of the divergence. Generator:
    -E[g(f)], the trick of section 3.2, or -E[f*(g(f))] where `saturating`.

    | divergence | g(v) | f*(t) |
    |---|---|---|
    | total-variation | ½ tanh(v) | t |
    | kullback-leibler | v | exp(t - 1) |
    | reverse-kl | -exp(-v) | -1 - log(-t) |
    | pearson | v | ¼t² + t |
    | neyman | 1 - exp(-v) | 2 - 2√(1 - t) |
    | squared-hellinger | 1 - exp(-v) | t / (1 - t) |
    | jeffrey | v | W(e^(1-t)) + 1/W(e^(1-t)) + t - 2 |
    | jensen-shannon | log 2 - sp(-v) | -log(2 - exp(t)) |
    | jensen-shannon-weighted | -π log π - sp(-v) | (1 - π) log((1 - π) / (1 - π exp(t/π))) |
    | gan | -sp(-v) | -log(1 - exp(t)) |
    | alpha, α < 1 | 1/(1 - α) - sp(-v) | (t(α - 1) + 1)^(α/(α-1))/α - 1/α |
    | alpha, α > 1 | v | the same; -1/α where t(α - 1) < -1 |
    """

    divergence: Divergence = Field("jensen-shannon", description="the f-divergence that is minimized")
    parameter: float = Field(
        0.5, allow_inf_nan=False, description="α of `alpha`, neither 0 nor 1; π of `jensen-shannon-weighted`, in (0, 1)"
    )
    saturating: bool = Field(False, description="the generator minimizes the divergence's bound itself")

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.divergence == "alpha" and self.parameter in (0, 1):
            raise ValueError("the parameter of 'alpha' is neither 0 nor 1: these are 'reverse-kl', 'kullback-leibler'")
        if self.divergence == "jensen-shannon-weighted" and not 0 < self.parameter < 1:
            raise ValueError("the parameter of 'jensen-shannon-weighted' lies between 0 and 1")
        return self

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """Minus the bound of the divergence."""
        from ganreg_losses.divergences import DIVERGENCES

        f = DIVERGENCES[self.divergence]
        return f.conjugate(fake.logits, self.parameter).mean() - f.activation(real.logits, self.parameter).mean()

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """Minus what the discriminator's output is for generated pictures."""
        from ganreg_losses.divergences import DIVERGENCES

        f = DIVERGENCES[self.divergence]
        return -(f.conjugate if self.saturating else f.activation)(fake.logits, self.parameter).mean()
