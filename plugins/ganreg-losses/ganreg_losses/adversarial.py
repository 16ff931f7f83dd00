"""Adversarial losses. r = D(x) and f = D(G(z)) are logits, sp(y) = log(1 + e^y); means are over every element."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, PositiveFloat

from ganreg import Loss

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ganreg import DiscriminatorOutput
    from ganreg.task import Task


class BinaryEntropy(Loss, name="binary-entropy"):
    """Cross-entropy with smooth and noisy labels (Salimans et al., 2016; arXiv:1606.03498, section 3.4).

    Discriminator: E[(1 - s)·sp(-r) + s·sp(r)] + E[sp(f)]: real pictures are called real with 1 - s, and generated ones
    are not smoothed. With a probability `flipped` the label of a picture, of either side, is that of the other side.
    Generator: E[sp(-f)], the label being 1.
    """

    smoothing: float = Field(0.1, ge=0, lt=0.5, description="what the label of real pictures lacks to 1 (s)")
    flipped: float = Field(0.0, ge=0, lt=0.5, description="share of labels that are exchanged, drawn per picture")

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """Cross-entropy of both sides, added."""
        label = 1 - self.smoothing
        return self._entropy(real.logits, label, 0.0) + self._entropy(fake.logits, 0.0, label)

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """Cross-entropy of generated pictures that are called real."""
        from torch.nn.functional import softplus

        return softplus(-fake.logits).mean()

    def _entropy(self, logits: Tensor, label: float, other: float) -> Tensor:
        import torch
        from torch.nn.functional import binary_cross_entropy_with_logits

        labels = torch.full_like(logits, label)
        if self.flipped:
            drawn = torch.rand(len(logits), *[1] * (logits.dim() - 1), device=logits.device)
            labels = labels.where(drawn >= self.flipped, other)
        return binary_cross_entropy_with_logits(logits, labels)


class EnergyBased(Loss, name="energy-based"):
    """Energy-based GAN (Zhao et al., 2016; arXiv:1609.03126, equations 1 and 2). The energy of a picture is -D.

    Discriminator: E[-r] + E[max(0, m + f)]. Generator: E[-f]. It takes a discriminator whose logits have an upper
    bound, such as `autoencoder`, where they are minus the error of reconstruction.
    """

    margin: PositiveFloat = Field(
        1.0, allow_inf_nan=False, description="energy beyond which generated pictures cost D nothing (m)"
    )

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """The energy of real pictures, and what generated ones lack to the margin."""
        loss: Tensor = (self.margin + fake.logits).relu().mean() - real.logits.mean()
        return loss

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """The energy of generated pictures."""
        loss: Tensor = -fake.logits.mean()
        return loss


class BoundaryEquilibrium(Loss, name="boundary-equilibrium"):
    """BEGAN (Berthelot et al., 2017; arXiv:1703.10717, section 3.4). The reconstruction error L of a picture is -D.

    Discriminator: E[L(x)] - k·E[L(G(z))]. Generator: E[L(G(z))]. After each update of the generator
    k ← k + λ(γ·E[L(x)] - E[L(G(z))]), kept within [0, 1]; it starts at 0. E[L(x)] is that of D's last turn. Both are
    saved with the run. Take the discriminator `autoencoder`.
    """

    gamma: float = Field(0.5, ge=0, le=1, description="E[L(G(z))] / E[L(x)] at the equilibrium: the diversity (γ)")
    rate: PositiveFloat = Field(1e-3, allow_inf_nan=False, description="how fast k follows (λ)")

    def build(self, task: Task) -> nn.Module:
        """The loss with its k."""
        from ganreg_losses.networks.equilibrium import BoundaryEquilibrium

        return BoundaryEquilibrium(self.gamma, self.rate)


class Softmax(Loss, name="softmax"):
    """Softmax GAN (Lin, 2017; arXiv:1704.06191): D shares probability out among a batch.

    With log Z = log(Σ e^r + Σ e^f) over both sides, R the number of real logits: discriminator log Z - Σ r / R, whose
    target is all of it for the real pictures; generator log Z - (Σ r + Σ f) / 2R, an equal share for each.
    """

    generator_uses_real = True

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """Cross-entropy to equal shares for the real pictures."""
        loss: Tensor = self._together(real, fake).logsumexp(dim=0) - real.logits.mean()
        return loss

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """Cross-entropy to equal shares for all pictures."""
        assert real is not None
        logits = self._together(real, fake)
        return logits.logsumexp(dim=0) - logits.mean()

    def _together(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        import torch

        return torch.cat([real.logits.flatten(), fake.logits.flatten()])


class DualContrastive(Loss, name="dual-contrastive"):
    """Dual contrastive loss (Yu et al., 2021; arXiv:2103.16748, section 3).

    Each real picture is told from all generated ones of the batch, and each generated one from all real ones:
    discriminator E_x[log(1 + Σ_z e^(D(G(z)) - D(x)))] + E_z[log(1 + Σ_x e^(D(G(z)) - D(x)))], generator minus that.
    """

    generator_uses_real = True

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """Cross-entropy of picking the one real picture, and of picking the one generated picture."""
        from torch.nn.functional import softplus

        r, f = real.logits.flatten(), fake.logits.flatten()
        return softplus(f.logsumexp(dim=0) - r).mean() + softplus(f + (-r).logsumexp(dim=0)).mean()

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """Minus the discriminator's."""
        assert real is not None
        return -self.discriminator(real, fake)


class KLWasserstein(Loss, name="kl-wasserstein"):
    """KL-WGAN (Song & Ermon, 2019; arXiv:1910.09779): between an f-GAN and a Wasserstein GAN.

    With w = e^f / E[e^f] over the batch, which passes no gradient: discriminator E[w·f] - E[r], generator -E[w·f]. The
    critic has to be kept Lipschitz, as for `wasserstein`.
    """

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """Minus the critic's estimate of the distance."""
        loss: Tensor = -self.generator(None, fake) - real.logits.mean()
        return loss

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """Minus the critic's value of the generated pictures, the best counting most."""
        logits = fake.logits.flatten()
        loss: Tensor = -(logits.detach().softmax(dim=0) * logits).sum()
        return loss


class Realness(Loss, name="realness"):
    """RealnessGAN (Xiangli et al., 2020; arXiv:2002.05512, section 3): realness is a distribution over outcomes.

    D(x) is softmax over `outcomes` (N, K), which the discriminator has in its extra output, as `outcomes-head` does;
    the logits play no part. The anchors over K outcomes evenly in [-3, 3] are A₁ uniform for real pictures, A₀ normal
    for generated ones. Discriminator: E[KL(A₁‖D(x))] + E[KL(A₀‖D(G(z)))]. Generator, by `objective`:
    "fake" -E[KL(A₀‖D(G(z)))]; "relative" adds E[KL(D(x)‖D(G(z)))], "anchored" E[KL(A₁‖D(G(z)))].
    """

    generator_uses_real = True
    requires = frozenset({"outcomes"})

    objective: Literal["fake", "relative", "anchored"] = Field("relative", description="what the generator minimizes")

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """How far both sides are from their anchors."""
        uniform, normal = self._anchors(fake)
        return _divergence(uniform, _outcomes(real)) + _divergence(normal, _outcomes(fake))

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """How near the generated side is to its anchor, and how far from the real side."""
        assert real is not None
        uniform, normal = self._anchors(fake)
        loss = -_divergence(normal, _outcomes(fake))
        if self.objective == "fake":
            return loss
        return loss + _divergence(uniform if self.objective == "anchored" else _outcomes(real), _outcomes(fake))

    def _anchors(self, output: DiscriminatorOutput) -> tuple[Tensor, Tensor]:
        """Logarithms of A₁ and A₀, (K,)."""
        import torch

        outcomes = output.extra["outcomes"]
        places = torch.linspace(-3, 3, outcomes.shape[1], dtype=outcomes.dtype, device=outcomes.device)
        return (0 * places).log_softmax(dim=0), (-places.square() / 2).log_softmax(dim=0)


def _outcomes(output: DiscriminatorOutput) -> Tensor:
    """log D, (N, K)."""
    log_probabilities: Tensor = output.extra["outcomes"].log_softmax(dim=1)
    return log_probabilities


def _divergence(p: Tensor, q: Tensor) -> Tensor:
    """E[KL(p‖q)] of logarithms."""
    return (p.exp() * (p - q)).sum(dim=-1).mean()
