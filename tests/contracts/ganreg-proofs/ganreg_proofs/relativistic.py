"""Relativistic average GANs (Jolicoeur-Martineau, 2018; arXiv:1807.00734), of any loss."""

from dataclasses import replace

from pydantic import Field

from ganreg import Loss


class Relativistic(Loss, name="tiny-relativistic"):
    """Each picture is judged by how much more real it is than the other side on average.

    D: E[f₁(C(x) - E[C(G(z))])] + E[f₂(C(G(z)) - E[C(x)])], with f₁, f₂ the base's discriminator terms on real and
    generated pictures. G: the same with the two sides exchanged (g₁ = f₂, g₂ = f₁).
    """

    generator_uses_real = True

    base: Loss = Field("tiny-hinge", description="the loss that reads the shifted logits")

    @property
    def requires(self):
        return self.base.requires

    def discriminator(self, real, fake):
        return self.base.discriminator(_beyond(fake, real), _beyond(real, fake))

    def generator(self, real, fake):
        return self.base.discriminator(_beyond(real, fake), _beyond(fake, real))


def _beyond(others, output):
    return replace(output, logits=output.logits - others.logits.mean())
