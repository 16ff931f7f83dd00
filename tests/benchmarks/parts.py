"""Networks and pictures that no plugin has: what a stranger's code costs is what counts."""

import sys

from pydantic import PositiveInt

from ganreg import Batch, Dataset, Discriminator, Generator, Observer, Schedule, hookimpl
from ganreg.task import DatasetInfo


class Noise(Dataset, name="noise"):
    """Pictures of random bytes."""

    side: PositiveInt = 32
    channels: PositiveInt = 3
    classes: PositiveInt = 10
    count: PositiveInt = 4096

    def info(self):
        """Their shapes."""
        names = tuple(map(str, range(self.classes)))
        return DatasetInfo(image=(self.channels, self.side, self.side), count=self.count, classes=names)

    def build(self, task):
        """All of them, as bytes."""
        import torch

        shape = (self.count, *self.info().image)
        return Batch(torch.randint(256, shape, dtype=torch.uint8), torch.arange(self.count) % self.classes)


class ResNetGenerator(Generator, name="resnet"):
    """SNGAN's generator for 32x32 pictures (Miyato et al., 2018; arXiv:1802.05957, table 4)."""

    width: PositiveInt = 64

    def build(self, task):
        """z to pictures."""
        from tests.benchmarks.networks import Generator

        return Generator(task.latent, task.image, self.width)


class ResNetDiscriminator(Discriminator, name="resnet"):
    """SNGAN's discriminator, each layer with spectral normalization."""

    width: PositiveInt = 64

    def build(self, task):
        """Pictures to logits."""
        from tests.benchmarks.networks import Discriminator

        return Discriminator(task.image, self.width)


class Twice(Schedule, name="twice"):
    """`alternating`, which makes the generated pictures for each player: what a bare loop does."""

    discriminator_steps: PositiveInt = 1

    def step(self, game):
        """Play one step."""
        for _ in range(self.discriminator_steps):
            game.update("discriminator")
        game.update("generator")


class Turns(Observer, name="turns"):
    """Lets a run train from one log to the next each time that a line comes in, and prints seconds per step."""

    def build(self, task):
        """At the end it prints the MiB that the process has held at most."""
        import atexit

        from tests.benchmarks.fresh import peak

        atexit.register(lambda: print(peak()))
        return Turn()


class Turn:
    """What `turns` builds."""

    def __init__(self):
        from tests.benchmarks.timing import now

        self.now = now
        self.began, self.step = now(), 0

    def logged(self, step, values):
        """So many steps are done."""
        print((self.now() - self.began) / (step - self.step), flush=True)
        sys.stdin.readline()
        self.began, self.step = self.now(), step


@hookimpl
def ganreg_components():
    """What the cases name."""
    return [Noise, ResNetGenerator, ResNetDiscriminator, Turns, Twice]
