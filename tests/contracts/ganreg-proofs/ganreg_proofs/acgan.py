"""AC-GAN (Odena et al., 2016; arXiv:1610.09585): a discriminator that also names the class."""

from pydantic import Field, NonNegativeFloat, PositiveInt

from ganreg import Discriminator, Loss
from ganreg_proofs.basics import even


class AuxiliaryClassifier(Discriminator, name="tiny-auxiliary"):
    """P(S|X) and P(C|X) from one body; it is not told the class."""

    provides = frozenset({"class_logits"})
    width: PositiveInt = Field(4, description="channels of its body")

    def check(self, task):
        if task.classes is None:
            raise ValueError("classifies, and the run has no classes: set conditional: true")
        even(task)

    def build(self, task):
        from ganreg_proofs.networks.acgan import AuxiliaryClassifier

        return AuxiliaryClassifier(task.image, self.width, task.classes)


class ACGANLoss(Loss, name="tiny-acgan"):
    """An adversarial loss for L_S (equation 2), and for both players the cross-entropy of the class, -L_C (equation 3).

    -L_C = -E[log P(C = c | X_real)] - E[log P(C = c | X_fake)]. The discriminator maximizes L_S + L_C, the generator
    L_C - L_S.
    """

    base: Loss = Field("tiny-non-saturating", description="the adversarial loss")
    weight: NonNegativeFloat = Field(1.0, description="factor of the class terms")

    @property
    def requires(self):
        return self.base.requires | {"class_logits"}

    def discriminator(self, real, fake):
        return self.base.discriminator(real, fake) + self.weight * (_misclassified(real) + _misclassified(fake))

    def generator(self, real, fake):
        return self.base.generator(real, fake) + self.weight * _misclassified(fake)


def _misclassified(output):
    from torch.nn.functional import cross_entropy

    return cross_entropy(output.class_logits, output.labels)
