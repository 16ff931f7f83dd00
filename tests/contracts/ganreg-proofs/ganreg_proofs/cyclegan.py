"""CycleGAN (Zhu et al., 2017; arXiv:1703.10593): two generators, two discriminators, and no pairs.

Domain A is the data's `source`, domain B its `images`.
"""

from dataclasses import replace
from typing import ClassVar

from pydantic import Field, NonNegativeFloat, PositiveInt

from ganreg import Dataset, Discriminator, Game, Generator
from ganreg.task import DatasetInfo
from ganreg_proofs.basics import unconditional


class CycleGAN(Game, name="tiny-cyclegan"):
    """Both translations at once, each judged in the domain where it arrives, and held together by the way back.

    Generators: L_GAN(G, D_B) + L_GAN(F, D_A) + cycle·(|F(G(a)) - a|₁ + |G(F(b)) - b|₁) (equations 1 to 3), and
    identity·cycle·(|G(b) - b|₁ + |F(a) - a|₁) (section 5.2). Discriminators see generated pictures from a pool of
    former ones. Take a least-squares loss (both section 4).
    """

    networks: ClassVar = {
        "generator_ab": "generator",
        "generator_ba": "generator",
        "discriminator_a": "discriminator",
        "discriminator_b": "discriminator",
    }
    players: ClassVar = {
        "generator": ("generator_ab", "generator_ba"),
        "discriminator": ("discriminator_a", "discriminator_b"),
    }

    cycle: NonNegativeFloat = Field(10.0, description="factor of the cycle consistency (λ)")
    identity: NonNegativeFloat = Field(0.0, description="factor, times λ, of leaving pictures of the target alone")
    pool: PositiveInt = Field(50, description="generated pictures of each domain that are kept")

    def check(self, task):
        if task.source is None:
            raise ValueError("needs data of two domains: images and source")
        if self.identity and task.source != task.image:
            raise ValueError("the identity terms need domains of one shape: set identity: 0")

    def task_for(self, network, task):
        towards_a = network in ("generator_ba", "discriminator_a")
        return replace(task, image=task.source, source=task.image) if towards_a else task

    def build(self, task):
        from ganreg_proofs.networks.cyclegan import CycleGAN

        return CycleGAN(self.cycle, self.identity, self.pool, task)


class UnpairedPictures(Dataset, name="tiny-unpaired"):
    """Random pictures of two domains that have nothing to do with each other, not even their number."""

    channels: PositiveInt = Field(3, description="channels of domain B")
    source_channels: PositiveInt = Field(1, description="channels of domain A")
    count: PositiveInt = Field(12, description="pictures of domain B")
    source_count: PositiveInt = Field(7, description="pictures of domain A")

    def info(self):
        return DatasetInfo(
            image=(self.channels, 8, 8),
            count=max(self.count, self.source_count),
            source=(self.source_channels, 8, 8),
        )

    def build(self, task):
        from ganreg_proofs.networks.basics import random_pictures
        from ganreg_proofs.networks.cyclegan import TwoDomains

        info = self.info()
        return TwoDomains(random_pictures(self.count, *info.image), random_pictures(self.source_count, *info.source))


class Translator(Generator, name="tiny-translator"):
    """Source pictures to pictures, by two convolutions."""

    width: PositiveInt = Field(4, description="channels between the two")

    def check(self, task):
        if task.source is None:
            raise ValueError("translates source pictures, and the data has none")

    def build(self, task):
        from ganreg_proofs.networks.cyclegan import Translator

        return Translator(task.source[0], task.image[0], self.width)


class PatchDiscriminator(Discriminator, name="tiny-patches"):
    """A logit for every patch (Isola et al., 2016; arXiv:1611.07004)."""

    width: PositiveInt = Field(4, description="channels between its two convolutions")

    def check(self, task):
        unconditional(task)

    def build(self, task):
        from ganreg_proofs.networks.cyclegan import PatchDiscriminator

        return PatchDiscriminator(task.image[0], self.width)
