"""ADA's state and its two transformations."""

import torch
from torch import nn


class ADA(nn.Module):
    """Pictures (N, C, H, W) to the same. p, and what has been gathered of r_t, are buffers: the engine saves them."""

    def __init__(self, target, interval, length, initial):
        super().__init__()
        self.target = target
        self.interval = interval
        self.length = length
        self.register_buffer("p", torch.tensor(float(initial)))
        self.register_buffer("signs", torch.zeros(()))
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def forward(self, images, random):
        shape = (len(images), 1, 1, 1)
        mirrored = random.uniform(*shape) < self.p / 2
        brightness = 0.2 * random.normal(*shape) * (random.uniform(*shape) < self.p)
        return torch.where(mirrored, images.flip(3), images) + brightness

    @torch.no_grad()
    def after_update(self, play):
        if play.player != "discriminator":
            return
        for output in play.real_output.scales():
            self.signs += output.logits.sign().sum()
            self.seen += output.logits.numel()
        self.updates += 1
        due = self.updates % self.interval == 0
        step = (self.signs / self.seen - self.target).sign() * (self.interval * play.batch_size / self.length)
        self.p.copy_(torch.where(due, self.p + step, self.p).clamp(0, 1))
        self.signs *= ~due
        self.seen *= ~due
