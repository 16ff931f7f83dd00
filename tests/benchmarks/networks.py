"""SNGAN's residual networks for pictures of 32x32."""

from torch import nn
from torch.nn.functional import avg_pool2d, interpolate
from torch.nn.utils.parametrizations import spectral_norm


class Up(nn.Module):
    """A residual block to twice the side."""

    def __init__(self, width):
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm2d(width), nn.BatchNorm2d(width)])
        self.convolutions = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in range(2)])
        self.skip = nn.Conv2d(width, width, 1)

    def forward(self, x):
        h = interpolate(self.norms[0](x).relu(), scale_factor=2)
        h = self.convolutions[1](self.norms[1](self.convolutions[0](h)).relu())
        return h + self.skip(interpolate(x, scale_factor=2))


class Down(nn.Module):
    """A residual block, to half the side where asked."""

    def __init__(self, inputs, width, *, halve):
        super().__init__()
        self.first = spectral_norm(nn.Conv2d(inputs, width, 3, padding=1))
        self.second = spectral_norm(nn.Conv2d(width, width, 3, padding=1))
        self.skip = spectral_norm(nn.Conv2d(inputs, width, 1))
        self.halve = halve

    def forward(self, x):
        h = self.second(self.first(x.relu()).relu()) + self.skip(x)
        return avg_pool2d(h, 2) if self.halve else h


class Generator(nn.Module):
    """z (N, latent) to (N, C, 32, 32)."""

    def __init__(self, latent, image, width):
        super().__init__()
        self.dense = nn.Linear(latent, width * 16)
        self.blocks = nn.Sequential(Up(width), Up(width), Up(width), nn.BatchNorm2d(width), nn.ReLU())
        self.last = nn.Conv2d(width, image[0], 3, padding=1)
        self.width = width

    def forward(self, z, labels=None):
        return self.last(self.blocks(self.dense(z).view(-1, self.width, 4, 4))).tanh()


class Discriminator(nn.Module):
    """(N, C, 32, 32) to (N, 1)."""

    def __init__(self, image, width):
        super().__init__()
        self.blocks = nn.Sequential(
            Down(image[0], width, halve=True),
            Down(width, width, halve=True),
            Down(width, width, halve=False),
            Down(width, width, halve=False),
        )
        self.last = spectral_norm(nn.Linear(width, 1))

    def forward(self, images, labels=None):
        return self.last(self.blocks(images).relu().sum((2, 3)))
