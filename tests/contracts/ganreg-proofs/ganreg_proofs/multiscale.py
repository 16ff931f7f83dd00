"""pix2pixHD's discriminators of several scales and their feature matching (Wang et al., 2017; arXiv:1711.11585)."""

from pydantic import Field, NonNegativeFloat, PositiveInt

from ganreg import Discriminator, Loss
from ganreg_proofs.basics import unconditional


class MultiScaleDiscriminator(Discriminator, name="tiny-multiscale"):
    """The same patch discriminator at the picture's size, at half of it, and so on (section 3.2)."""

    provides = frozenset({"features"})
    scales: PositiveInt = Field(2, description="how many sizes")
    width: PositiveInt = Field(4, description="channels of the first convolution")

    def check(self, task):
        unconditional(task)

    def build(self, task):
        from ganreg_proofs.networks.multiscale import MultiScaleDiscriminator

        return MultiScaleDiscriminator(task.image[0], self.scales, self.width)


class FeatureMatching(Loss, name="tiny-feature-matching"):
    """A loss, and for the generator the distance between real and generated pictures in the discriminator's features.

    weight · Σᵢ E[|D⁽ⁱ⁾(x) - D⁽ⁱ⁾(G(z))|₁] / Nᵢ, where Nᵢ counts the layer's elements (equation 4); summed over the
    scales, as the loss is (equation 5).
    """

    generator_uses_real = True

    base: Loss = Field("tiny-least-squares", description="the adversarial loss")
    weight: NonNegativeFloat = Field(10.0, description="factor of the feature matching (λ)")

    @property
    def requires(self):
        return self.base.requires | {"features"}

    def discriminator(self, real, fake):
        return self.base.discriminator(real, fake)

    def generator(self, real, fake):
        pairs = zip(real.features, fake.features, strict=True)
        return self.base.generator(real, fake) + self.weight * sum((r - f).abs().mean() for r, f in pairs)
