"""Heads that give any discriminator that has an embedding a boundary. The base has one scale and does not grow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, PositiveInt

from ganreg import Discriminator, Head
from ganreg_discriminant.sides import needs_classes

if TYPE_CHECKING:
    from torch import nn

    from ganreg.task import Task

SMALL = {"name": "classic/dcgan", "width": 8}
"""What the heads are tried on."""


class Based(Head):
    """Base of heads: what any of them may stand on."""

    base: Discriminator = Field(  # type: ignore[assignment]
        "classic/dcgan", examples=[SMALL], description="the discriminator that has the head"
    )


class UnconditionalBase(Based):
    """Base of heads that make use of the labels themselves: the base is built as for an unconditional run."""

    def inner(self, task: Task) -> Task:
        """The task without classes."""
        return replace(task, classes=None)


class ClassHead(UnconditionalBase):
    """Base of heads for conditional runs."""

    def check(self, task: Task) -> None:
        """Refuse runs without classes, too."""
        needs_classes(task)
        super().check(task)


class LinearEmbedding(Based, name="linear-embedding"):
    """A linear layer on the base's embedding, whose output takes that one's place; the logits stay the base's.

    For losses of the embedding, whose estimates need few dimensions: MMD GAN's critic has 16 outputs (Li et al., 2017;
    arXiv:1705.08584), Cramér GAN's 256 (Bellemare et al., 2017; arXiv:1705.10743).
    """

    size: PositiveInt = Field(16, description="size of the embedding")

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W) to the base's DiscriminatorOutput, with another embedding."""
        from ganreg_discriminant.networks.heads import LinearEmbedding

        return LinearEmbedding(self, task, self.size)


class Slicing(UnconditionalBase, name="slicing"):
    """SAN's last layer (Takida et al., 2023; arXiv:2301.12811), for the loss `sliced`.

    With φ the base's embedding and ω a unit vector, in a conditional run one for each class: logits (N,) = <sg(ω), φ>,
    and `direction` (N,) = <ω, sg(φ)>, sg passing no gradient. The base's own logits become `base_logits`,
    without a reader.
    """

    adds: ClassVar[frozenset[str]] = frozenset({"direction"})

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W) to a DiscriminatorOutput with `direction`."""
        from ganreg_discriminant.networks.heads import Slicing

        return Slicing(self, task, task.classes or 1)


class Projection(ClassHead, name="projection"):
    """cGAN with projection discriminator (Miyato & Koyama, 2018; arXiv:1802.05637): logits + <v_y, φ>.

    φ is the base's embedding, v a learned vector for each class.
    """

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W) to the base's DiscriminatorOutput, with other logits."""
        from ganreg_discriminant.networks.heads import Projection

        return Projection(self, task, needs_classes(task))


class MultiDiscriminator(ClassHead, name="multi-discriminator"):
    """A discriminator for each class, which have all but the last layer in common (Mescheder et al., 2018).

    arXiv:1801.04406; also Liu et al., 2019 (arXiv:1905.01723). The logits are the label's of K outputs of a linear
    layer, w_y·φ + b_y, φ being the base's embedding. The base's own become `base_logits`, without a reader.
    """

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W) to the base's DiscriminatorOutput, with other logits (N,)."""
        from ganreg_discriminant.networks.heads import MultiDiscriminator

        return MultiDiscriminator(self, task, needs_classes(task))


class AuxiliaryClassifier(ClassHead, name="auxiliary-classifier"):
    """AC-GAN's head (Odena et al., 2016; arXiv:1610.09585), for the penalty `auxiliary-classifier`.

    A linear layer on the base's embedding gives `class_logits` (N, K).
    """

    adds: ClassVar[frozenset[str]] = frozenset({"class_logits"})

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W) to the base's DiscriminatorOutput, with `class_logits`."""
        from ganreg_discriminant.networks.heads import ClassHead

        return ClassHead(self, task, needs_classes(task))


class TwinAuxiliary(ClassHead, name="twin-auxiliary"):
    """TAC-GAN's heads (Gong et al., 2019; arXiv:1907.02690), for the penalty `twin-auxiliary`.

    Linear layers on the base's embedding give `class_logits` and `twin_logits`, (N, K) each.
    """

    adds: ClassVar[frozenset[str]] = frozenset({"class_logits", "twin_logits"})

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W) to the base's DiscriminatorOutput, with both."""
        from ganreg_discriminant.networks.heads import ClassHead

        return ClassHead(self, task, needs_classes(task), others=("twin_logits",))


class AuxiliaryDiscriminative(ClassHead, name="auxiliary-discriminative"):
    """ADC-GAN's head (Hou et al., 2021; arXiv:2107.10060), for the penalty `auxiliary-discriminative`.

    A linear layer on the base's embedding gives `class_logits` of real pictures and `generated_logits`, (N, K) each.
    """

    adds: ClassVar[frozenset[str]] = frozenset({"class_logits", "generated_logits"})

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W) to the base's DiscriminatorOutput, with both."""
        from ganreg_discriminant.networks.heads import ClassHead

        return ClassHead(self, task, needs_classes(task), others=("generated_logits",))


class SemiSupervised(ClassHead, name="semi-supervised"):
    """A classifier of K + 1 classes, the last of which is "generated" (Salimans et al., 2016; arXiv:1606.03498).

    A linear layer on the base's embedding gives `class_logits` l (N, K) and `generated` g (N,). The logits are those of
    being real, log Σ e^l - g, so any loss of logits is the paper's unsupervised term, and the penalty
    `auxiliary-classifier` its supervised one: cross-entropy over K + 1 classes is the sum of both. Also for the loss
    `multi-hinge`, which reads l and g themselves. The base's own logits become `base_logits`, without a reader.
    """

    adds: ClassVar[frozenset[str]] = frozenset({"class_logits", "generated"})

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W) to a DiscriminatorOutput with `class_logits` and `generated`."""
        from ganreg_discriminant.networks.heads import SemiSupervised

        return SemiSupervised(self, task, needs_classes(task), words=("generated",))


class Omni(ClassHead, name="omni"):
    """OmniGAN's head (Zhou et al., 2020; arXiv:2011.13074), for the loss `omni`.

    A linear layer on the base's embedding gives `class_logits` (N, K), `real` (N,) and `generated` (N,). The logits are
    real - generated; the base's own become `base_logits`, without a reader.
    """

    adds: ClassVar[frozenset[str]] = frozenset({"class_logits", "real", "generated"})

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W) to a DiscriminatorOutput with the three."""
        from ganreg_discriminant.networks.heads import Omni

        return Omni(self, task, needs_classes(task), words=("real", "generated"))


class Contrastive(ClassHead, name="contrastive"):
    """ContraGAN's and ReACGAN's head (arXiv:2006.12681, arXiv:2111.01118), for `contrastive` and `d2d-ce`.

    A linear layer on the base's embedding gives `projected` (N, d), and a learned vector for each class `proxies`
    (N, d), that of the picture's class; all of unit length.
    """

    adds: ClassVar[frozenset[str]] = frozenset({"projected", "proxies"})

    size: PositiveInt = Field(128, examples=[16], description="size of both (d)")

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W) to the base's DiscriminatorOutput, with both."""
        from ganreg_discriminant.networks.heads import Contrastive

        return Contrastive(self, task, needs_classes(task), self.size)
