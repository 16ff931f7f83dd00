"""Networks and data of CycleGAN."""

from torch import nn

from ganreg import Batch


class TwoDomains:
    """The larger domain once an epoch; the smaller one starts again from its first picture."""

    def __init__(self, images, source):
        self.images = images
        self.source = source

    def __len__(self):
        return max(len(self.images), len(self.source))

    def batch(self, indices):
        return Batch(self.images[indices % len(self.images)], source=self.source[indices % len(self.source)])


class Translator(nn.Module):
    """Source (N, C', H, W) to pictures (N, C, H, W)."""

    def __init__(self, source_channels, channels, width):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(source_channels, width, 3, padding=1),
            nn.Tanh(),
            nn.Conv2d(width, channels, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, source, z=None, labels=None):
        return self.layers(source)


class PatchDiscriminator(nn.Module):
    """Pictures (N, C, H, W) to logits (N, 1, H/2, W/2)."""

    def __init__(self, channels, width):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.Tanh(), nn.Conv2d(width, 1, 3, padding=1)
        )

    def forward(self, images, labels=None):
        return self.layers(images)
