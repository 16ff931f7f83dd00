"""Networks that grow: `set_stage` adds the layers of the stages up to one, and drops what no longer plays."""

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate


def upsample(images):
    """Twice the size, nearest neighbours."""
    return interpolate(images, scale_factor=2)


class Growing(nn.Module):
    """Per stage a block, and a 1x1 convolution between features and colours, of which the newest two are in use.

    alpha is the newest stage's share of the picture.
    """

    def __init__(self, channels, width):
        super().__init__()
        self.channels = channels
        self.width = width
        self.stage = -1
        self.blocks = nn.ModuleDict()
        self.colours = nn.ModuleDict()
        self.register_buffer("alpha", torch.ones(()))
        self.set_stage(0, 1.0)

    def set_stage(self, index, fade):
        self.alpha.fill_(fade)
        while self.stage < index:
            self.stage += 1
            if self.stage > 0:
                convolution = nn.Conv2d(self.width, self.width, 3, padding=1)
                self.blocks[str(self.stage)] = nn.Sequential(convolution, nn.Tanh())
            self.colours[str(self.stage)] = self.new_colours()
            if self.stage > 1:
                del self.colours[str(self.stage - 2)]


class GrowingGenerator(Growing):
    """z (N, latent) to pictures (N, C, 4·2^stage, 4·2^stage)."""

    def __init__(self, latent, channels, width):
        super().__init__(channels, width)
        self.dense = nn.Linear(latent, width * 16)

    def new_colours(self):
        return nn.Conv2d(self.width, self.channels, 1)

    def forward(self, z, labels=None):
        features = self.dense(z).unflatten(1, (self.width, 4, 4)).tanh()
        for block in self.blocks.values():
            before, features = features, block(upsample(features))
        images = self.colours[str(self.stage)](features)
        if self.stage:
            before = self.colours[str(self.stage - 1)](before)
            images = torch.lerp(upsample(before), images, self.alpha)
        return images.tanh()


class GrowingDiscriminator(Growing):
    """Pictures (N, C, 4·2^stage, 4·2^stage) to logits (N,)."""

    def __init__(self, channels, width):
        super().__init__(channels, width)
        self.dense = nn.Linear(width * 16, 1)

    def new_colours(self):
        return nn.Conv2d(self.channels, self.width, 1)

    def forward(self, images, labels=None):
        features = self.colours[str(self.stage)](images).tanh()
        for stage in range(self.stage, 0, -1):
            features = avg_pool2d(self.blocks[str(stage)](features), 2)
            if stage == self.stage:
                before = self.colours[str(stage - 1)](avg_pool2d(images, 2)).tanh()
                features = torch.lerp(before, features, self.alpha)
        return self.dense(features.flatten(1)).squeeze(1)
