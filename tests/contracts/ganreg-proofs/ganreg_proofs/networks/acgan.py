"""A discriminator with a classifier beside its logit."""

from torch import nn

from ganreg import DiscriminatorOutput
from ganreg_proofs.networks.basics import TinyDiscriminator


class AuxiliaryClassifier(nn.Module):
    """Pictures (N, C, H, W) to logits (N, 1) and class logits (N, K)."""

    def __init__(self, image, width, classes):
        super().__init__()
        self.judge = TinyDiscriminator(image, width)
        self.classify = nn.Linear(self.judge.head.in_features, classes)

    def forward(self, images, labels=None):
        seen = self.judge.body(images)
        return DiscriminatorOutput(self.judge.head(seen), class_logits=self.classify(seen))
