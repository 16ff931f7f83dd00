"""An autoencoder that judges by its error, and heads that give any discriminator another output."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, PositiveInt

from ganreg import Discriminator, Head

if TYPE_CHECKING:
    from torch import nn

    from ganreg.task import Task

SMALL = {"name": "classic/dcgan", "width": 8}
"""What the heads are tried on."""


class Autoencoder(Discriminator, name="autoencoder"):
    """The discriminator of EBGAN and BEGAN (arXiv:1609.03126, arXiv:1703.10717): a picture's error of reconstruction.

    logits (N,) = -mean |x - decode(encode(x))|ᵖ over the picture, at most 0. 3x3 convolutions of stride 2 with ELU, a
    linear code, and the way back by enlarging. The code is the `embedding`, what each convolution leaves the
    `features`. Sizes are halved, rounded up, so any picture will do.
    """

    provides: ClassVar[frozenset[str]] = frozenset({"features", "embedding"})

    widths: tuple[PositiveInt, ...] = Field((32, 64), min_length=1, description="channels of the convolutions")
    code: PositiveInt = Field(64, description="size of the code")
    power: PositiveInt = Field(1, description="power of each element's error: 1 for BEGAN, 2 for EBGAN (p)")

    def check(self, task: Task) -> None:
        """Refuse classes."""
        if task.classes is not None:
            raise ValueError("makes no use of labels: set conditional: false")

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W) to a DiscriminatorOutput with logits (N,)."""
        from ganreg_losses.networks.autoencoder import Autoencoder

        return Autoencoder(task.image, self.widths, self.code, self.power)


class Based(Head):
    """Base of heads that add something in `extra`."""

    base: Discriminator = Field(  # type: ignore[assignment]
        "classic/dcgan", examples=[SMALL], description="the discriminator that has the head"
    )


class RotationHead(Based, name="rotation-head"):
    """SS-GAN's head (Chen et al., 2019; arXiv:1811.11212): logits of the four turns, for the penalty `rotation`.

    A linear layer on the base's embedding gives `rotation` (N, 4).
    """

    adds: ClassVar[frozenset[str]] = frozenset({"rotation"})

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W) to the base's DiscriminatorOutput, with `rotation`."""
        from ganreg_losses.networks.heads import linear_head

        return linear_head(self, task, "rotation", 4)


class OutcomesHead(Based, name="outcomes-head"):
    """RealnessGAN's head (Xiangli et al., 2020; arXiv:2002.05512), for the loss `realness`.

    A linear layer on the base's embedding gives `outcomes` (N, K), logits of how real the picture is. The base's own
    logits are left without a reader.
    """

    adds: ClassVar[frozenset[str]] = frozenset({"outcomes"})

    outcomes: int = Field(51, ge=2, description="into how many the realness is divided (K)")

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W) to the base's DiscriminatorOutput, with `outcomes`."""
        from ganreg_losses.networks.heads import linear_head

        return linear_head(self, task, "outcomes", self.outcomes)


class CodeHead(Based, name="code-head"):
    """InfoGAN's head (Chen et al., 2016; arXiv:1606.03657), for the penalty `mutual-information`.

    A linear layer on the base's embedding gives `codes` (N, K): of the z behind a picture the first K numbers.
    """

    adds: ClassVar[frozenset[str]] = frozenset({"codes"})

    codes: PositiveInt = Field(2, description="how many numbers of z are codes (K)")

    def check(self, task: Task) -> None:
        """Refuse more codes than there are numbers."""
        super().check(task)
        if self.codes > task.latent:
            raise ValueError(f"z has {task.latent} numbers, which is fewer than {self.codes} codes")

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W) to the base's DiscriminatorOutput, with `codes`."""
        from ganreg_losses.networks.heads import linear_head

        return linear_head(self, task, "codes", self.codes)


class InfoMaxHead(Based, name="infomax-head"):
    """InfoMax-GAN's heads (Lee et al., 2020; arXiv:2007.04589, section 3), for the penalty `infomax`.

    A feature map (N, C, h, w) of the base becomes `local` (N, R, h, w), and its embedding `global` (N, R), each by one
    hidden layer with ReLU beside a linear shortcut.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"features", "embedding"})
    adds: ClassVar[frozenset[str]] = frozenset({"local", "global"})

    layer: int = Field(-1, description="which of the base's features is local, counted from 0 or, from the last, -1")
    size: PositiveInt = Field(1024, examples=[16], description="size of both outputs (R)")

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W) to the base's DiscriminatorOutput, with `local` and `global`."""
        from ganreg import outline
        from ganreg_losses.networks.heads import InfoMaxHead

        output = outline(self, task)
        features = output.features[self.layer]
        if features.dim() != 4:
            raise ValueError(f"feature {self.layer} of '{self.base.name}' has no places: it is {tuple(features.shape)}")
        return InfoMaxHead(self.base.build(task), self.layer, features.shape[1], output.embedding.shape[1], self.size)
