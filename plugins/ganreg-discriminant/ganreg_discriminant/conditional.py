"""Boundaries between classes: losses of both players, and terms beside any loss. y is a picture's class, of K."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, PositiveFloat

from ganreg import Loss
from ganreg_discriminant.sides import ClassTerm, labels_of, needs_classes

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg import DiscriminatorOutput
    from ganreg.engine.play import Play
    from ganreg.task import Task


class MultiHinge(Loss, name="multi-hinge"):
    """Multi-hinge loss (Kavalerov et al., 2019; arXiv:1912.04216): Crammer and Singer's hinge over K + 1 classes.

    With C(x) the K class logits and, as class K + 1, that of a generated picture: discriminator
    E[max(0, 1 - C_y(x) + max_{k≠y} C_k(x))] + E[max(0, 1 - C_{K+1}(G(z)) + max_{k≤K} C_k(G(z)))], generator
    E[max(0, 1 - C_y(G(z)) + max_{k≠y} C_k(G(z)))]. Take the discriminator `semi-supervised`, which has these logits.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"class_logits", "generated"})

    def check(self, task: Task) -> None:
        """Refuse runs without classes."""
        needs_classes(task)

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """How far real pictures are from their class, and generated ones from the last."""
        generated = labels_of(fake).new_full((len(fake.class_logits),), fake.class_logits.shape[1])
        return _hinge(real, labels_of(real)) + _hinge(fake, generated)

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """How far generated pictures are from their class."""
        return _hinge(fake, labels_of(fake))


class Omni(Loss, name="omni"):
    """OmniGAN's multi-label loss (Zhou et al., 2020; arXiv:2011.13074): one logit for each class, real, and generated.

    log(1 + Σ_negative e^s) + log(1 + Σ_positive e^(-s)) over logits s, the mean over pictures. Positive are, for the
    discriminator, of a real picture its class and "real", of a generated one "generated" alone; for the generator, of a
    generated picture its class and "real". All others are negative. Take the discriminator `omni`.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"class_logits", "real", "generated"})

    def check(self, task: Task) -> None:
        """Refuse runs without classes."""
        needs_classes(task)

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """Both sides told what they are."""
        return self._told(real, called_real=True) + self._told(fake, called_real=False)

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """Generated pictures called real, of their class."""
        return self._told(fake, called_real=True)

    def _told(self, output: DiscriminatorOutput, *, called_real: bool) -> Tensor:
        import torch
        from torch.nn.functional import softplus

        words = torch.stack([output.extra["real"], output.extra["generated"]], dim=1)
        logits = torch.cat([output.class_logits, words], dim=1)
        positive = torch.zeros_like(logits, dtype=torch.bool)
        if called_real:
            positive = positive.scatter(1, labels_of(output)[:, None], True)
        positive[:, -2 if called_real else -1] = True
        negatives = logits.masked_fill(positive, -torch.inf).logsumexp(dim=1)
        positives = (-logits).masked_fill(~positive, -torch.inf).logsumexp(dim=1)
        return (softplus(negatives) + softplus(positives)).mean()


class AuxiliaryClassifier(ClassTerm, name="auxiliary-classifier"):
    """AC-GAN's classifier (Odena et al., 2016; arXiv:1610.09585): E[-log P(y | x)], P = softmax of the class logits.

    Discriminator: of real pictures and, as in the paper, of generated ones. Generator: of generated ones. The class
    logits are the discriminator's own, or added to any that has an embedding by `auxiliary-classifier`. With
    `semi-supervised` and real pictures alone it is the supervised term of Salimans et al., 2016 (arXiv:1606.03498).
    """

    requires: ClassVar[frozenset[str]] = frozenset({"class_logits"})

    generated: bool = Field(True, description="whether the discriminator learns from generated pictures too")

    def __call__(self, play: Play) -> Tensor:
        """Cross-entropy of the class; a scalar."""
        import torch

        outputs = [*self.output(play).scales()]
        if self.side == "discriminator" and self.generated:
            outputs += play.fake_output.scales()
        return torch.stack([_cross_entropy(output.class_logits, labels_of(output)) for output in outputs]).sum()


class TwinAuxiliary(ClassTerm, name="twin-auxiliary"):
    """TAC-GAN's second classifier (Gong et al., 2019; arXiv:1907.02690), beside `auxiliary-classifier`.

    P' = softmax of `twin_logits` learns the classes of generated pictures, and the generator makes them hard to tell:
    discriminator E[-log P'(y | G(z))], generator E[log P'(y | G(z))]. This restores the entropy of the class that an
    auxiliary classifier takes away. Take the discriminator `twin-auxiliary`, and of the penalty
    `auxiliary-classifier` that with `generated: false`.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"twin_logits"})

    def __call__(self, play: Play) -> Tensor:
        """Cross-entropy of generated pictures' class, or minus that; a scalar."""
        told = _cross_entropy(play.fake_output.extra["twin_logits"], labels_of(play.fake_output))
        return told if self.side == "discriminator" else -told


class AuxiliaryDiscriminative(ClassTerm, name="auxiliary-discriminative"):
    """ADC-GAN's classifier (Hou et al., 2021; arXiv:2107.10060): of 2K classes, each one real and one generated.

    P = softmax over `class_logits` (y, real) and `generated_logits` (y, generated). Discriminator:
    E[-log P(y, real | x)] + E[-log P(y, generated | G(z))]. Generator: E[log P(y, generated | G(z)) -
    log P(y, real | G(z))]. Take the discriminator `auxiliary-discriminative`.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"class_logits", "generated_logits"})

    def __call__(self, play: Play) -> Tensor:
        """Cross-entropy of class and side, or the logarithm of their ratio; a scalar."""
        fake, labels = play.fake_output, labels_of(play.fake_output)
        if self.side == "generator":
            ratio: Tensor = fake.extra["generated_logits"] - fake.class_logits
            return ratio.gather(1, labels[:, None]).mean()
        real, classes = play.real_output, fake.class_logits.shape[1]
        return _cross_entropy(_both(real), labels_of(real)) + _cross_entropy(_both(fake), labels + classes)


class Contrastive(ClassTerm, name="contrastive"):
    """ContraGAN's conditional contrastive loss, 2C (Kang & Park, 2020; arXiv:2006.12681).

    With l the unit vectors `projected` of a batch, e its classes' unit vectors `proxies` and t the temperature:
    E_i[-log((exp(l_i·e_i/t) + Σ_{k≠i, y_k=y_i} exp(l_i·l_k/t)) / (exp(l_i·e_i/t) + Σ_{k≠i} exp(l_i·l_k/t)))], of real
    pictures for the discriminator, of generated ones for the generator. Take the discriminator `contrastive`.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"projected", "proxies"})

    temperature: PositiveFloat = Field(1.0, allow_inf_nan=False, description="of the similarities (t)")

    def __call__(self, play: Play) -> Tensor:
        """The share of a picture's own class among what it is like; a scalar."""
        import torch

        output = play.gather(self.output(play))
        own, likeness = (value / self.temperature for value in _likeness(output))
        itself = torch.eye(len(own), dtype=torch.bool, device=own.device)
        same = _same_class(output) & ~itself
        every = torch.cat([own[:, None], likeness.masked_fill(itself, -torch.inf)], dim=1)
        alike = torch.cat([own[:, None], likeness.masked_fill(~same, -torch.inf)], dim=1)
        return (every.logsumexp(dim=1) - alike.logsumexp(dim=1)).mean()


class DataToData(ClassTerm, name="d2d-ce"):
    """ReACGAN's data-to-data cross-entropy (Kang et al., 2021; arXiv:2111.01118).

    With f the unit vectors `projected` of a batch and v its classes' unit vectors `proxies`, a = min(f_i·v_i - m_p, 0)
    and b_j = max(f_i·f_j - m_n, 0) of pictures j of other classes: E_i[-log(e^(a/τ) / (e^(a/τ) + Σ_j e^(b_j/τ)))], of
    real pictures for the discriminator, of generated ones for the generator. The margins leave alone what is easy.
    Take the discriminator `contrastive`.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"projected", "proxies"})

    temperature: PositiveFloat = Field(0.5, allow_inf_nan=False, description="of the similarities (τ)")
    positive: float = Field(0.98, ge=-1, le=1, description="likeness to its class beyond which a picture is easy (m_p)")
    negative: float = Field(0.02, ge=-1, le=1, description="likeness to other classes below which one is easy (m_n)")

    def __call__(self, play: Play) -> Tensor:
        """Cross-entropy of the class among pictures of others; a scalar."""
        import torch

        output = play.gather(self.output(play))
        own, likeness = _likeness(output)
        near = (own - self.positive).clamp(max=0) / self.temperature
        apart = (likeness - self.negative).clamp(min=0) / self.temperature
        others = apart.masked_fill(_same_class(output), -torch.inf)
        return (torch.cat([near[:, None], others], dim=1).logsumexp(dim=1) - near).mean()


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    from torch.nn.functional import cross_entropy

    return cross_entropy(logits, labels)


def _both(output: DiscriminatorOutput) -> Tensor:
    """(N, 2K) logits of real and of generated classes."""
    import torch

    return torch.cat([output.class_logits, output.extra["generated_logits"]], dim=1)


def _hinge(output: DiscriminatorOutput, labels: Tensor) -> Tensor:
    """By how much the best other one of K + 1 logits comes within 1 of the label's; the mean."""
    import torch

    logits = torch.cat([output.class_logits, output.extra["generated"][:, None]], dim=1)
    own = logits.gather(1, labels[:, None])
    others = logits.scatter(1, labels[:, None], -torch.inf).amax(dim=1, keepdim=True)
    loss: Tensor = (1 - own + others).relu().mean()
    return loss


def _likeness(output: DiscriminatorOutput) -> tuple[Tensor, Tensor]:
    """Cosines of each picture with its class (N,), and of each two pictures (N, N)."""
    projected, proxies = output.extra["projected"], output.extra["proxies"]
    return (projected * proxies).sum(dim=1), (projected @ projected.T).to(projected.dtype)  # autocast rounds products


def _same_class(output: DiscriminatorOutput) -> Tensor:
    """(N, N) whether two pictures are of one class; each is with itself."""
    labels = labels_of(output)
    return labels[:, None] == labels
