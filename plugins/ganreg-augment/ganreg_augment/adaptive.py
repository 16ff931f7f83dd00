"""Augmentations of StyleGAN2-ADA, and probabilities that follow the discriminator's overfitting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from ganreg import Augmentation, Game

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ganreg.engine.streams import Stream
    from ganreg.task import Task

Group = Literal["blit", "geometric", "color", "filter", "noise", "cutout"]


class AdaPipeline(Augmentation):
    """Base of what uses the pipeline."""

    groups: tuple[Group, ...] = Field(
        ("blit", "geometric", "color"), min_length=1, description="transformations that are used; the order is fixed"
    )


class FixedADA(AdaPipeline, name="ada-fixed"):
    """The pipeline of ADA (Karras et al., 2020; arXiv:2006.06676, appendix B) with a fixed probability.

    Each transformation comes with probability p, per picture. blit: mirrored, turned by quarters, moved by up to 1/8.
    geometric: scaled by 2^N(0, 0.2²), rotated, stretched, moved by N(0, ⅛²) of the size. color: brightness N(0, 0.2²),
    contrast 2^N(0, 0.5²), luma's sign, hue, saturation 2^N(0, 1). filter: four octaves amplified by 2^N(0, 1).
    noise: of |N(0, 0.1²)|. cutout: a grey box of half the size.
    """

    p: float = Field(0.5, ge=0, le=1, description="probability of each transformation, per picture")

    def __call__(self, images: Tensor, random: Stream) -> Tensor:
        """(N, C, H, W) to the same."""
        from ganreg_augment.transforms.pipeline import augmented

        return augmented(images, random, self.p, self.groups)


class ADA(AdaPipeline, name="ada"):
    """Adaptive discriminator augmentation (Karras et al., 2020; arXiv:2006.06676, section 3).

    The pipeline of `ada-fixed`, with a p that follows r_t = E[sign(D(real))] (equation 1): over `interval` updates of
    the discriminator r_t is gathered, then p steps up where r_t > target, else down, by interval·batch/length.
    """

    target: float = Field(0.6, ge=-1, le=1, description="r_t that p is steered to")
    interval: PositiveInt = Field(4, description="updates of the discriminator between two steps of p")
    length: PositiveFloat = Field(500_000, description="real pictures in which p can go from 0 to 1")
    initial: float = Field(0.0, ge=0, le=1, description="p at the start")

    def build(self, task: Task) -> nn.Module:
        """(images, random) to images; p is a buffer."""
        from ganreg_augment.transforms.feedback import ADA

        return ADA(self.groups, self.target, self.interval, self.length, self.initial)


class APA(Game, name="apa"):
    """Adaptive pseudo augmentation (Jiang et al., 2021; arXiv:2111.06849): a game whose real side is deceptive.

    Each real picture is replaced by a generated one with probability p, and D is told that it is real. p follows
    λ_r = E[sign(D(x))] over what is presented as real, as ADA's does: up where λ_r > target. Penalties on
    the real side, such as R1, are taken at what is presented, as in the authors' code.
    """

    base: Game = Field("standard", description="the game that is played")  # type: ignore[assignment]
    target: float | None = Field(0.6, ge=-1, le=1, description="λ_r that p is steered to; null for a p that stays")
    interval: PositiveInt = Field(4, description="updates of the discriminator between two steps of p")
    length: PositiveFloat = Field(500_000, description="real pictures in which p can go from 0 to 1")
    initial: float = Field(0.0, ge=0, le=1, description="p at the start")

    @property
    def networks(self) -> Mapping[str, str]:  # type: ignore[override]
        """The base's."""
        return self.base.networks

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:  # type: ignore[override]
        """The base's."""
        return self.base.players

    def check(self, task: Task) -> None:
        """Refuse what the base refuses."""
        self.base.check(task)

    def task_for(self, network: str, task: Task) -> Task:
        """The base's."""
        return self.base.task_for(network, task)

    def sample(self, network: nn.Module, z: Tensor, labels: Tensor | None, source: Tensor | None) -> Tensor:
        """The base's."""
        return self.base.sample(network, z, labels, source)

    def build(self, task: Task) -> Any:
        """The base's terms, with another real side; p is a buffer."""
        from ganreg_augment.transforms.pseudo import PseudoAugmented

        return PseudoAugmented(self.base.build(task), self.target, self.interval, self.length, self.initial)
