"""Sound networks."""

from pydantic import Field, PositiveInt

from ganreg import Discriminator, Encoder, Generator


class Made(Generator):
    """Builds the module that has the name of its class."""

    def build(self, task):
        from sound import modules

        return getattr(modules, type(self).__name__)(task)


class Judged(Discriminator):
    """The same."""

    build = Made.build


class Style(Made, name="style"):
    """Noise from the global generator, a running mean, a buffer that is not saved; it knows no classes."""

    provides = frozenset({"mapping"})


class Coordinates(Made, name="coordinates"):
    """A cache that is filled at the first use."""


class SelfAttention(Made, name="self-attention"):
    """Zero gradients at the start; two sizes, and only with classes."""

    def check(self, task):
        if task.classes is None or task.image[1:] not in ((8, 8), (16, 16)):
            raise ValueError("8x8 or 16x16 pictures of classes")


class OneHot(Made, name="one-hot"):
    """No embedding, and arguments by position."""


class Only64(Made, name="only-64"):
    """64x64 in colour, from a z of 128, and nothing else."""

    width: PositiveInt = Field(1024, description="units", examples=[8])

    def check(self, task):
        if task.image != (3, 64, 64) or task.latent != 128 or task.source:
            raise ValueError("64x64 in colour, and a latent of 128")

    def build(self, task):
        from torch import nn

        class Network(nn.Sequential):
            def forward(self, z, labels=None):
                return super().forward(z)

        layers = nn.Linear(128, self.width), nn.ReLU(), nn.Linear(self.width, 3 * 64 * 64), nn.Tanh()
        return Network(*layers, nn.Unflatten(1, task.image))


class Translator(Made, name="translator"):
    """From a source picture, with dropout."""

    def check(self, task):
        if task.source is None:
            raise ValueError("needs source pictures")


class Spread(Judged, name="spread"):
    """Depends on the batch; logits (N, 1) in float32 whatever comes in."""


class Pyramid(Judged, name="pyramid"):
    """Two scales in a list, nested features, spectral norm, an in-place activation."""

    provides = frozenset({"features"})


class Rows(Judged, name="rows"):
    """Fused attention, which torch differentiates once alone."""


class ZeroHead(Judged, name="zero-head"):
    """Logits of 0 to begin with."""

    def check(self, task):
        if task.classes:
            raise ValueError("knows no classes")


class Autoencoder(Judged, name="autoencoder"):
    """Something of its own in `extra`."""

    provides = frozenset({"again"})


class Minibatch(Judged, name="minibatch"):
    """Pictures of a batch see each other; labels begin without effect."""

    provides = frozenset({"embedding"})


class Noisy(Encoder, name="noisy"):
    """Draws its z."""

    def build(self, task):
        from sound.modules import Encoder

        return Encoder(task)
