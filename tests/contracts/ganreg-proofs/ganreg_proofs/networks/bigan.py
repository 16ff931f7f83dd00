"""Networks of BiGAN."""

from math import prod

import torch
from torch import nn


class TinyEncoder(nn.Module):
    """Pictures (N, C, H, W) to z (N, latent)."""

    def __init__(self, image, latent, width):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(image[0], width, 3, padding=1),
            nn.Tanh(),
            nn.Flatten(),
            nn.Linear(width * image[1] * image[2], latent),
        )

    def forward(self, images, labels=None):
        return self.layers(images)


class PairDiscriminator(nn.Module):
    """Pictures (N, C, H, W) and latents (N, latent) to logits (N,)."""

    def __init__(self, image, latent, width):
        super().__init__()
        self.picture = nn.Linear(prod(image), width)
        self.latent = nn.Linear(latent, width)
        self.head = nn.Linear(2 * width, 1)

    def forward(self, images, labels=None, *, latent):
        both = torch.cat([self.picture(images.flatten(1)), self.latent(latent)], dim=1)
        return self.head(both.tanh()).squeeze(1)
