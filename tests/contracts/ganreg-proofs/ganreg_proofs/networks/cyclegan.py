"""What CycleGAN is made of: the game with its pools, the networks, the data."""

import torch
from torch import nn

from ganreg import Batch


class CycleGAN(nn.Module):
    """The game's terms; its state are the pools of generated pictures."""

    def __init__(self, cycle, identity, pool, task):
        super().__init__()
        self.cycle = cycle
        self.identity = identity
        self.pools = nn.ModuleDict({"a": PicturePool(pool, task.source), "b": PicturePool(pool, task.image)})

    def terms(self, play):
        a, b = play.source, play.real
        fake_a, fake_b = to_a(play, b), to_b(play, a)
        if play.player == "discriminator":
            return {
                "a": play.loss.discriminator(judge(play, "a", a), judge(play, "a", self.former(play, "a", fake_a))),
                "b": play.loss.discriminator(judge(play, "b", b), judge(play, "b", self.former(play, "b", fake_b))),
            }
        terms = {
            "a": play.loss.generator(None, judge(play, "a", fake_a)),
            "b": play.loss.generator(None, judge(play, "b", fake_b)),
            "cycle": self.cycle * (l1(to_a(play, fake_b), a) + l1(to_b(play, fake_a), b)),
        }
        if self.identity:
            terms["identity"] = self.identity * self.cycle * (l1(to_b(play, b), b) + l1(to_a(play, a), a))
        return terms

    def former(self, play, domain, images):
        """Generated pictures for the discriminator; the pool takes them in once the discriminator has moved."""
        pool = self.pools[domain]
        shown, play.notes[pool] = pool.exchange(images, play.random("pool"))
        return shown

    def after_update(self, play):
        if play.player == "discriminator":
            for pool in self.pools.values():
                pool.load_state_dict(play.notes[pool])


def to_a(play, b):
    return play.generate(network="generator_ba", source=b)


def to_b(play, a):
    return play.generate(network="generator_ab", source=a)


def judge(play, domain, images):
    return play.discriminate(images, network=f"discriminator_{domain}")


def l1(one, other):
    return (one - other).abs().mean()


class PicturePool(nn.Module):
    """The last pictures, of which some are shown again (Shrivastava et al., 2016; arXiv:1612.07828, section 2.3).

    While there is room, a picture is kept and shown. Then, with even odds, it is shown, or it takes the place of a
    random one that is shown instead.
    """

    def __init__(self, size, image):
        super().__init__()
        self.register_buffer("pictures", torch.zeros(size, *image))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def exchange(self, images, random):
        """What to show of N new pictures, and the state of the pool after it; the pool itself stays."""
        size, pictures, count = len(self.pictures), self.pictures.clone(), self.count
        odds, places = random.uniform(len(images)), random.integers(size, len(images))
        shown = []
        for image, odd, place in zip(images, odds, places, strict=True):
            full = count >= size
            place = torch.where(full, place, count.clamp(max=size - 1))[None]
            kept = pictures.index_select(0, place)
            swap = full & (odd < 0.5)
            shown.append(torch.where(swap, kept, image))
            pictures = pictures.index_copy(0, place, torch.where(swap | ~full, image, kept))
            count = torch.where(full, count, count + 1)
        return torch.cat(shown), {"pictures": pictures, "count": count}


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
