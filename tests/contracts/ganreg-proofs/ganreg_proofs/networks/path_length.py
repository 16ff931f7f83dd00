"""The mean of path lengths, and a generator with a style space."""

import torch
from torch import nn

from ganreg_proofs.networks.basics import TinyGenerator


class PathLength(nn.Module):
    """The penalty with its running mean, which moves once the generator has."""

    def __init__(self, decay):
        super().__init__()
        self.decay = decay
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, play):
        generator = play.networks["generator"]
        w = generator.mapping(play.z)
        images = generator.synthesis(w)
        noise = play.random("path-length").normal(*images.shape) / (images.shape[2] * images.shape[3]) ** 0.5
        (gradient,) = torch.autograd.grad((images * noise).sum(), w, create_graph=True)
        lengths = gradient.float().square().sum(dim=1).sqrt()
        mean = play.notes[self] = self.mean.lerp(play.gather(lengths.detach()).mean(), self.decay)
        return (lengths - mean).square().mean()

    def after_update(self, play):
        means = [part.notes[self] for part in play.parts if self in part.notes]
        if means:
            self.mean.copy_(torch.stack(means).mean(0))


class MappedGenerator(nn.Module):
    """z (N, latent) to w (N, latent) to pictures (N, C, H, W)."""

    def __init__(self, latent, image, width):
        super().__init__()
        self.mapping = nn.Sequential(nn.Linear(latent, latent), nn.Tanh())
        self.synthesis = TinyGenerator(latent, image, width)

    def forward(self, z, labels=None):
        return self.synthesis(self.mapping(z))
