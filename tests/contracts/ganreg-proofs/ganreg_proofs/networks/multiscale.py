"""Patch discriminators at several scales."""

from torch import nn
from torch.nn.functional import avg_pool2d

from ganreg import DiscriminatorOutput


class Patches(nn.Module):
    """Pictures (N, C, H, W) to logits (N, 1, H/2, W/2) and the features before them."""

    def __init__(self, channels, width):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.Tanh())
        self.second = nn.Sequential(nn.Conv2d(width, 2 * width, 3, padding=1), nn.Tanh())
        self.head = nn.Conv2d(2 * width, 1, 1)

    def forward(self, images):
        first = self.first(images)
        second = self.second(first)
        return self.head(second), (first, second)


class MultiScaleDiscriminator(nn.Module):
    """Pictures (N, C, H, W) to logits and features of each scale, the finest first."""

    def __init__(self, channels, scales, width):
        super().__init__()
        self.scales = nn.ModuleList(Patches(channels, width) for _ in range(scales))

    def forward(self, images, labels=None):
        logits, features = [], []
        for scale in self.scales:
            judged, seen = scale(images)
            logits.append(judged)
            features.append(seen)
            images = avg_pool2d(images, 2)
        return DiscriminatorOutput(tuple(logits), features=tuple(features))
