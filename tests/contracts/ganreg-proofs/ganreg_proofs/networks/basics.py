"""The smallest networks of noise to image. Smooth activations, so that every second derivative is there."""

import torch
from torch import nn

from ganreg import DiscriminatorOutput


def random_pictures(*shape):
    """Bytes drawn from the generator that the engine seeds for the part that is being built."""
    return torch.randint(256, shape, dtype=torch.uint8)


class TinyGenerator(nn.Module):
    """z (N, latent) to (N, C, H, W); a label adds its embedding to z."""

    def __init__(self, latent, image, width, classes=None, normalized=False):
        super().__init__()
        channels, height, width_of_image = image
        self.embedding = nn.Embedding(classes, latent) if classes else None
        self.dense = nn.Linear(latent, width * height * width_of_image // 4)
        self.grid = (width, height // 2, width_of_image // 2)
        self.norm = nn.BatchNorm2d(width) if normalized else nn.Identity()
        self.rest = nn.Sequential(nn.Tanh(), nn.Upsample(scale_factor=2), nn.Conv2d(width, channels, 3, padding=1))

    def forward(self, z, labels=None):
        if self.embedding is not None:
            z = z + self.embedding(labels)
        return self.rest(self.norm(self.dense(z).unflatten(1, self.grid))).tanh()


class TinyDiscriminator(nn.Module):
    """Pictures (N, C, H, W) to logits (N, 1); with classes, to the logit of the picture's own."""

    def __init__(self, image, width, classes=None, dropout=0.0, normalized=False):
        super().__init__()
        channels, height, width_of_image = image
        convolution = nn.Conv2d(channels, width, 4, stride=2, padding=1)
        norm = [nn.BatchNorm2d(width)] if normalized else []
        self.body = nn.Sequential(convolution, *norm, nn.Tanh(), nn.Dropout(dropout), nn.Flatten())
        self.head = nn.Linear(width * height * width_of_image // 4, classes or 1)
        self.conditional = classes is not None

    def forward(self, images, labels=None):
        logits = self.head(self.body(images))
        return logits.gather(1, labels[:, None]) if self.conditional else logits


class Judge(nn.Module):
    """Pictures (N, C, H, W) to features (N, width, H/2, W/2), flattened the embedding, and logits (N,)."""

    def __init__(self, image, width, classes=None):
        super().__init__()
        channels, *sides = image
        size = torch.Size([width, *((side + 1) // 2 for side in sides)]).numel()
        self.body = nn.Conv2d(channels, width, 3, stride=2, padding=1)
        self.linear = nn.Linear(size, 1)
        self.label_projection = nn.Embedding(classes, size) if classes else None

    def forward(self, images, labels=None):
        features = self.body(images).tanh()
        embedding = features.flatten(1)
        logits = self.linear(embedding).squeeze(1)
        if self.label_projection is not None:
            logits = logits + (self.label_projection(labels) * embedding).sum(dim=1)
        return DiscriminatorOutput(logits, (features,), embedding)
