"""BiGAN (Donahue et al., 2016; arXiv:1605.09782): an encoder learns the way back while a discriminator judges pairs."""

from typing import ClassVar

from pydantic import Field, PositiveInt

from ganreg import Discriminator, Encoder, Game
from ganreg_proofs.basics import unconditional


class BiGAN(Game, name="tiny-bigan"):
    """The discriminator tells (x, E(x)) from (G(z), z); generator and encoder, one player, exchange the two.

    The player minimizes the discriminator's loss with the labels inverted (section 3.4): with sigmoid cross-entropy
    -E[log D(G(z), z)] - E[log(1 - D(x, E(x)))].
    """

    networks: ClassVar = {"generator": "generator", "encoder": "encoder", "discriminator": "discriminator"}
    players: ClassVar = {"generator": ("generator", "encoder"), "discriminator": ("discriminator",)}
    requires = frozenset({"pairs"})

    def real_output(self, play):
        return play.discriminate(play.real, latent=play.networks["encoder"](play.real, play.labels))

    def fake_output(self, play):
        return play.discriminate(play.fake, latent=play.z)

    def terms(self, play):
        encoded, generated = play.real_output, play.fake_output
        if play.player == "discriminator":
            return {"loss": play.loss.discriminator(encoded, generated)}
        return {"loss": play.loss.discriminator(generated, encoded)}


class TinyEncoder(Encoder, name="tiny-encoder"):
    """A dense layer on one convolution."""

    width: PositiveInt = Field(4, description="channels of the convolution")

    def build(self, task):
        from ganreg_proofs.networks.bigan import TinyEncoder

        return TinyEncoder(task.image, task.latent, self.width)


class PairDiscriminator(Discriminator, name="tiny-pairs"):
    """Judges a picture together with its latent: `forward(images, labels=None, latent=…)`."""

    provides = frozenset({"pairs"})
    width: PositiveInt = Field(4, description="units that picture and latent have each")

    def check(self, task):
        unconditional(task)

    def build(self, task):
        from ganreg_proofs.networks.bigan import PairDiscriminator

        return PairDiscriminator(task.image, task.latent, self.width)
