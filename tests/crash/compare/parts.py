"""The toy as a ganreg plugin of one file; schedule, game and optimizer are ganreg-classic's."""

from ganreg import Batch, Dataset, Discriminator, Generator, Loss, hookimpl
from ganreg.task import DatasetInfo


class Points(Dataset, name="toy-points"):
    """The mixture, each point a picture of two pixels."""

    def info(self):
        from tests.crash.compare import toy

        return DatasetInfo(image=(1, 1, 2), count=toy.POINTS)

    def build(self, task):
        from tests.crash.compare import toy

        return Batch(toy.points())


class ToyGenerator(Generator, name="toy-generator"):
    """The generator that all trainers train."""

    def build(self, task):
        from tests.crash.compare import toy

        return toy.Generator()


class ToyDiscriminator(Discriminator, name="toy-discriminator"):
    """The discriminator that all trainers train."""

    def build(self, task):
        from tests.crash.compare import toy

        return toy.Discriminator()


class ToyLoss(Loss, name="toy-loss"):
    """Sigmoid cross-entropy, and the faults."""

    def discriminator(self, real, fake):
        from tests.crash.compare import toy

        return toy.discriminator_loss(real.logits, fake.logits)

    def generator(self, real, fake):
        from tests.crash.compare import toy

        return toy.generator_loss(fake.logits)


@hookimpl
def ganreg_components():
    """The components of the namespace `parts`."""
    return [Points, ToyGenerator, ToyDiscriminator, ToyLoss]
