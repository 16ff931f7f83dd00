"""What every proof stands on: random pictures and the smallest networks of noise to image."""

from pydantic import Field, NonNegativeInt, PositiveInt

from ganreg import Batch, Dataset, Discriminator, Generator
from ganreg.task import DatasetInfo


class Pictures(Dataset, name="tiny-pictures"):
    """Random pictures, labelled in turn where there are classes."""

    side: PositiveInt = Field(8, description="height and width in pixels")
    channels: PositiveInt = Field(1, description="channels")
    count: PositiveInt = Field(12, description="pictures")
    classes: NonNegativeInt = Field(0, description="classes; 0 for pictures without labels")

    def info(self):
        names = tuple(map(str, range(self.classes))) or None
        return DatasetInfo(image=(self.channels, self.side, self.side), count=self.count, classes=names)

    def build(self, task):
        import torch

        from ganreg_proofs.networks.basics import random_pictures

        labels = torch.arange(self.count) % self.classes if self.classes else None
        return Batch(random_pictures(self.count, *self.info().image), labels)


class TinyGenerator(Generator, name="tiny-generator"):
    """A dense layer to a grid of half the side, then one convolution at the full side."""

    width: PositiveInt = Field(4, description="channels between the two")
    normalized: bool = Field(False, description="batch normalization between the two")

    def check(self, task):
        even(task)

    def build(self, task):
        from ganreg_proofs.networks.basics import TinyGenerator

        return TinyGenerator(task.latent, task.image, self.width, task.classes, self.normalized)


class TinyDiscriminator(Discriminator, name="tiny-discriminator"):
    """One convolution of stride 2, then a dense layer."""

    width: PositiveInt = Field(4, description="channels between the two")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of them that is left out in training")
    normalized: bool = Field(False, description="batch normalization of them")

    def check(self, task):
        even(task)

    def build(self, task):
        from ganreg_proofs.networks.basics import TinyDiscriminator

        return TinyDiscriminator(task.image, self.width, task.classes, self.dropout, self.normalized)


class Judge(Discriminator, name="tiny-judge"):
    """A convolution of stride 2 leaves `features`; a linear layer and the label's projection read them, flattened."""

    provides = frozenset({"features", "embedding"})

    width: PositiveInt = Field(4, description="channels of the features")

    def build(self, task):
        from ganreg_proofs.networks.basics import Judge

        return Judge(task.image, self.width, task.classes)


def even(task):
    """Refuse pictures that cannot be halved."""
    if task.image[1] % 2 or task.image[2] % 2:
        raise ValueError("works on pictures of even sides")


def unconditional(task):
    """Refuse classes: what ignores labels cannot serve a conditional run."""
    if task.classes is not None:
        raise ValueError("makes no use of labels: set conditional: false")
