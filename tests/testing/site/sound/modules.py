"""Networks that do unusual things."""

from math import prod

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate
from torch.nn.utils import spectral_norm as hooked_spectral_norm
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from ganreg import DiscriminatorOutput


class Style(nn.Module):
    """A learned constant, styles from w, and noise per pixel whose strength begins at 0 (StyleGAN)."""

    def __init__(self, task):
        super().__init__()
        channels, *self.size = task.image
        self.mapping = nn.Sequential(nn.Linear(task.latent, 8), nn.LeakyReLU(0.2))
        self.constant = nn.Parameter(torch.randn(1, 8, 4, 4))
        self.style = nn.Linear(8, 8)
        self.strength = nn.Parameter(torch.zeros(()))
        self.colour = nn.Conv2d(8, channels, 1)
        self.register_buffer("mean", torch.zeros(8))
        self.register_buffer("blur", torch.tensor([1.0, 2.0, 1.0]) / 4, persistent=False)

    def forward(self, z, labels=None):
        w = self.mapping(z)
        if self.training:
            with torch.no_grad():
                self.mean.lerp_(w.float().mean(0).to(self.mean), 0.005)
        hidden = interpolate(self.constant * self.style(w)[:, :, None, None], size=self.size)
        kernel = (self.blur[:, None] * self.blur)[None, None].to(hidden)
        hidden = nn.functional.conv2d(hidden.flatten(0, 1)[:, None], kernel, padding=1).view_as(hidden)
        noise = torch.randn(len(z), 1, *self.size, device=z.device, dtype=hidden.dtype)
        return self.colour(hidden + self.strength * noise).tanh()


class Coordinates(nn.Module):
    """A function of place and z, with a grid that is made at its first use and kept (CPPN)."""

    def __init__(self, task):
        super().__init__()
        channels, self.height, self.width = task.image
        self.layers = nn.Sequential(nn.Linear(task.latent + 2, 8), nn.Tanh(), nn.Linear(8, channels), nn.Tanh())
        self.grids = {}

    def grid(self, like):
        key = str(like.device), str(like.dtype)
        if key not in self.grids:
            sides = [torch.linspace(-1, 1, n, device=like.device, dtype=like.dtype) for n in (self.height, self.width)]
            self.grids[key] = torch.stack(torch.meshgrid(*sides, indexing="ij"), dim=-1).flatten(0, 1)
        return self.grids[key]

    def forward(self, z, labels=None):
        grid = self.grid(z)
        points = torch.cat([z[:, None].expand(-1, len(grid), -1), grid.expand(len(z), -1, -1)], dim=2)
        return self.layers(points).movedim(2, 1).unflatten(2, (self.height, self.width))


class Attention(nn.Module):
    """x + γ·attention(x), where γ begins at 0 (SAGAN)."""

    def __init__(self, width):
        super().__init__()
        self.query, self.key, self.value = (nn.Conv2d(width, width, 1, bias=False) for _ in range(3))
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        q, k, v = (layer(x).flatten(2) for layer in (self.query, self.key, self.value))
        weights = (q.transpose(1, 2) @ k).softmax(dim=-1)
        return x + self.gamma * (v @ weights.transpose(1, 2)).view_as(x)


class ConditionalNorm(nn.Module):
    """Batch normalization whose gains and shifts follow the label, and begin at 1 and 0."""

    def __init__(self, width, classes):
        super().__init__()
        self.norm = nn.BatchNorm2d(width, affine=False)
        self.gain, self.shift = nn.Embedding(classes, width), nn.Embedding(classes, width)
        nn.init.ones_(self.gain.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x, labels):
        return self.norm(x) * self.gain(labels)[:, :, None, None] + self.shift(labels)[:, :, None, None]


class SelfAttention(nn.Module):
    """Attention and conditional normalization; for 8x8 and 16x16 pictures of classes."""

    def __init__(self, task):
        super().__init__()
        self.size = task.image[1:]
        self.dense = hooked_spectral_norm(nn.Linear(task.latent, 8 * 16))
        self.norm = ConditionalNorm(8, task.classes)
        self.attention = Attention(8)
        self.colour = weight_norm(nn.Conv2d(8, task.image[0], 1))

    def forward(self, z, labels):
        hidden = self.norm(self.dense(z).unflatten(1, (8, 4, 4)), labels).relu()
        return self.colour(interpolate(self.attention(hidden), size=self.size)).tanh()


class OneHot(nn.Module):
    """The label as a one-hot vector beside z: no embedding. The arguments have other names, the first by position."""

    def __init__(self, task):
        super().__init__()
        self.classes, self.image = task.classes or 0, task.image
        self.layers = nn.Sequential(
            nn.Linear(task.latent + self.classes, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, prod(task.image))
        )

    def forward(self, noise, y=None, /):
        if self.classes:
            noise = torch.cat([noise, nn.functional.one_hot(y, self.classes).to(noise.dtype)], dim=1)
        return self.layers(noise).unflatten(1, self.image).clamp(-1, 1)


class Translator(nn.Module):
    """A source picture to a picture, with dropout in the place of z (pix2pix)."""

    def __init__(self, task):
        super().__init__()
        self.down = nn.Conv2d(task.source[0], 8, 3, padding=1)
        self.norm = nn.InstanceNorm2d(8, affine=True)
        self.drop = nn.Dropout(0.5)
        self.up = nn.Conv2d(8, task.image[0], 3, padding=1)

    def forward(self, source, z=None, labels=None):
        return self.up(self.drop(self.norm(self.down(source)).relu())).tanh()


class Spread(nn.Module):
    """Batch normalization, and the spread of groups of four pictures as a further channel (Progressive GAN)."""

    def __init__(self, task):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(task.image[0], 8, 3, padding=1), nn.BatchNorm2d(8), nn.LeakyReLU(0.2))
        self.head = nn.Conv2d(9, 1, 3, padding=1)

    def forward(self, images, labels=None):
        hidden = self.body(images)
        group = 4 if len(images) % 4 == 0 else 1
        spread = hidden.float().unflatten(0, (group, -1)).var(dim=0, unbiased=False).add(1e-8).sqrt()
        spread = spread.mean(dim=(1, 2, 3)).repeat(group)[:, None, None, None].expand(-1, 1, *hidden.shape[2:])
        return self.head(torch.cat([hidden, spread.to(hidden)], dim=1)).mean(dim=(2, 3)).float()


class Pyramid(nn.Module):
    """Patches at two scales, with their features, spectral norm and dropout."""

    def __init__(self, task):
        super().__init__()
        self.first = spectral_norm(nn.Conv2d(task.image[0], 8, 3, padding=1))
        self.drop = nn.Dropout(0.3)
        self.head = spectral_norm(nn.Conv2d(8, 1, 1))

    def forward(self, images, labels=None):
        logits, features = [], []
        for _ in range(2):
            hidden = nn.functional.leaky_relu(self.first(images), 0.2, inplace=True)
            logits.append(self.head(self.drop(hidden)))
            features.append([hidden])
            images = avg_pool2d(images, 2)
        return DiscriminatorOutput(logits, features=features)


class Rows(nn.Module):
    """Torch's own attention, over the rows of a picture."""

    def __init__(self, task):
        super().__init__()
        channels, _, width = task.image
        self.embed = nn.Linear(channels * width, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 1)

    def forward(self, images, labels=None):
        rows = self.embed(images.transpose(1, 2).flatten(2))
        return self.head(rows + self.attention(rows, rows, rows, need_weights=False)[0]).mean(dim=1)


class ZeroHead(nn.Module):
    """A head that begins at zero, and lets no gradient through at first."""

    def __init__(self, task):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(prod(task.image), 8), nn.Tanh())
        self.head = nn.Linear(8, 1)
        nn.init.zeros_(self.head.weight)

    def forward(self, images, labels=None):
        return self.head(self.body(images)).squeeze(1)


class Autoencoder(nn.Module):
    """Minus the error of its own reconstruction (EBGAN), which it gives as well."""

    def __init__(self, task):
        super().__init__()
        self.encode = nn.Linear(prod(task.image), 4)
        self.decode = nn.Linear(4, prod(task.image))

    def forward(self, images, labels=None):
        again = self.decode(self.encode(images.flatten(1)).tanh()).view_as(images)
        error = (again - images).float().square().mean(dim=(1, 2, 3))
        return DiscriminatorOutput(-error, extra={"again": again})


class Minibatch(nn.Module):
    """Distances between the pictures of a batch (Salimans et al., 2016), and a projected label."""

    def __init__(self, task):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(prod(task.image), 8), nn.Tanh())
        self.kernels = nn.Parameter(0.1 * torch.randn(8, 4, 3))
        self.head = nn.Linear(12, 1)
        self.project = nn.Embedding(task.classes, 8) if task.classes else None
        if self.project:
            nn.init.zeros_(self.project.weight)

    def forward(self, images, labels=None):
        embedding = self.body(images)
        activations = torch.einsum("nd,dbc->nbc", embedding, self.kernels)
        distances = (activations[:, None] - activations[None]).abs().sum(dim=3)
        logits = self.head(torch.cat([embedding, (-distances).exp().sum(dim=1)], dim=1))[:, 0]
        if self.project:
            logits = logits + (self.project(labels) * embedding).sum(dim=1)
        return DiscriminatorOutput(logits, embedding=embedding)


class Encoder(nn.Module):
    """A mean and a deviation, and a draw from the global generator between them (VAE)."""

    def __init__(self, task):
        super().__init__()
        self.mean = nn.Linear(prod(task.image), task.latent)
        self.deviation = nn.Linear(prod(task.image), task.latent)

    def forward(self, images, labels=None):
        flat = images.flatten(1)
        return self.mean(flat) + torch.randn_like(self.mean(flat)) * (self.deviation(flat) / 2).exp()
