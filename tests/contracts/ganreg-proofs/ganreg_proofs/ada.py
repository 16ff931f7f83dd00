"""Adaptive discriminator augmentation (Karras et al., 2020; arXiv:2006.06676)."""

from pydantic import Field, PositiveFloat, PositiveInt

from ganreg import Augmentation


class ADA(Augmentation, name="tiny-ada"):
    """Mirrored, brighter or darker pictures, with a probability p that follows the discriminator's overfitting.

    r_t = E[sign(D(real))] (equation 1) is gathered over `interval` updates of the discriminator; then p moves towards
    more augmentation where r_t > target, else towards less, so fast that 0 to 1 takes `length` pictures (section 3).
    """

    target: float = Field(0.6, ge=-1, le=1, description="r_t that p is steered to")
    interval: PositiveInt = Field(4, description="updates of the discriminator between two moves of p")
    length: PositiveFloat = Field(500_000, description="real pictures in which p can go from 0 to 1")
    initial: float = Field(0.0, ge=0, le=1, description="p at the start")

    def build(self, task):
        from ganreg_proofs.networks.ada import ADA

        return ADA(self.target, self.interval, self.length, self.initial)
