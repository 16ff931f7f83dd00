"""Parts whose authors have not thought of several processes: a plugin file."""

import os
import random
from math import prod
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from ganreg import Discriminator, DiscriminatorOutput, Game, Metric, Penalty, Schedule, hookimpl

BRIGHT = 0.02


class Level(nn.Module):
    """Remembers the mean of its own pictures."""

    def __init__(self):
        super().__init__()
        self.register_buffer("level", torch.zeros(()))

    def forward(self, play):
        self.level.copy_(play.real.mean())
        return (play.real_output.logits * self.level).mean()


class Forgetful(Penalty, name="forgetful"):
    def build(self, task):
        return Level()


class Shifted(nn.Module):
    """Rewrites a weight from its own pictures, as an embedding with `max_norm` does."""

    def __init__(self, pixels):
        super().__init__()
        self.layer = nn.Linear(pixels, 1)
        self.shift = nn.Parameter(torch.zeros(()))

    def forward(self, images, labels=None):
        self.shift.detach().copy_(images.mean())
        return self.layer(images.flatten(1)).squeeze(1) + self.shift


class Rewriting(Discriminator, name="rewriting"):
    def build(self, task):
        return Shifted(prod(task.image))


class Skipping(Penalty, name="skipping"):
    """Passes over pictures that one of two processes may have all of."""

    every_row: bool = False

    def __call__(self, play):
        rows = play.real.mean(dim=(1, 2, 3)) > (9 if self.every_row else BRIGHT)
        return (play.real_output.logits.flatten() * rows).mean() if rows.is_meta or rows.any() else None


class Gathering(Penalty, name="gathering"):
    """Makes nothing of what it has gathered where it passes over its own pictures, as one of two processes does."""

    def __call__(self, play):
        logits = play.gather(play.real_output.logits.flatten())
        rows = play.real.mean(dim=(1, 2, 3)) > BRIGHT
        mine = play.real_output.logits.flatten() - logits.mean()
        return (mine * rows).mean() if rows.is_meta or rows.any() else None


class Drawing(Penalty, name="drawing"):
    """Draws for pictures from torch's global generator, and tosses a coin for all: the share of numbers that are new.

    Weights wander by the global generator too, in `after_update`, the same in all processes.
    """

    def __call__(self, play):
        drawn = play.gather(torch.rand(len(play.real), device=play.real.device))
        coins = play.gather(torch.full_like(drawn, random.random() + np.random.rand()))
        share = 1.0 if drawn.is_meta else len(drawn.unique()) / len(drawn) + len(coins.unique())
        return 0 * play.real_output.logits.mean() + share

    def after_update(self, play):
        with torch.no_grad():
            for weight in play.parameters():
                weight.add_(torch.randn_like(weight), alpha=1e-6)


class Failing(Metric, name="failing"):
    def __call__(self, evaluation):
        raise OSError("no room for figures")


class Learned(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, play):
        return (play.real_output.logits.flatten() - self.scale * play.real.mean(dim=(1, 2, 3))).square().mean()

    def after_update(self, play):
        if play.player == "discriminator":
            with torch.no_grad():
                self.scale -= self.scale.grad
            self.scale.grad = None


class Learning(Penalty, name="learning"):
    """Has a weight of its own, which it moves itself."""

    def build(self, task):
        return Learned()


class Copies(Penalty, name="copies"):
    """Shows the discriminator, and the run's augmentation, three times the batch."""

    def __call__(self, play):
        labels = None if play.labels is None else play.labels.repeat(3)
        images = torch.cat([play.real, -play.real, play.real.flip(2)])
        return play.discriminate(images, labels).logits.square().mean()


class Heard(nn.Module):
    def __init__(self):
        super().__init__()
        for name in ("features", "late", "packs"):
            self.register_buffer(name, torch.zeros(()))

    def forward(self, play):
        return None

    def after_update(self, play):
        if play.player == "generator":
            self.late += play.real_output.logits.square().mean()
        else:
            self.packs += play.fake_output.logits.square().sum()
            self.features += sum(part.square().mean() for part in play.real_output.features)


class Listening(Penalty, name="listening"):
    """Remembers what was said, features too; of real pictures in the generator's turn nobody has asked before."""

    requires = frozenset({"features"})

    def build(self, task):
        return Heard()


class Sometimes(Penalty, name="sometimes"):
    """Looks at what is said of real pictures in one of two processes alone."""

    player = "generator"

    def __call__(self, play):
        rows = play.real.mean(dim=(1, 2, 3)) > BRIGHT
        return None if rows.is_meta or not rows.any() else 0 * play.real_output.logits.mean()


class Contrasted(Penalty, name="contrasted"):
    """Its own real pictures against all that are generated, as SimCLR has it (Chen et al., 2020; arXiv:2002.05709)."""

    def __call__(self, play):
        brightness = play.gather((9 * play.real.mean(dim=(1, 2, 3))).to(torch.int16))
        others = play.gather(play.fake_output).logits.flatten() + brightness
        return nn.functional.softplus(others - play.real_output.logits.flatten()[:, None]).mean()


class Lost(nn.Module):
    """Remembers no number, in the second process."""

    def __init__(self):
        super().__init__()
        self.register_buffer("level", torch.zeros(()))

    def forward(self, play):
        if os.environ.get("RANK") == "1":
            self.level.fill_(torch.nan)


class Losing(Penalty, name="losing"):
    def build(self, task):
        return Lost()


class Packed(Game, name="packed"):
    """PacGAN (Lin et al., 2017; arXiv:1712.04086): pictures are judged by twos."""

    networks: ClassVar = {"generator": "generator", "discriminator": "discriminator"}
    players: ClassVar = {"generator": ("generator",), "discriminator": ("discriminator",)}

    def real_output(self, play):
        return packs(play.discriminate(play.real))

    def fake_output(self, play):
        return packs(play.discriminate(play.fake))

    def terms(self, play):
        if play.player == "discriminator":
            return {"loss": play.loss.discriminator(play.real_output, play.fake_output)}
        real = play.real_output if play.loss.generator_uses_real else None
        return {"loss": play.loss.generator(real, play.fake_output)}


def packs(output):
    return DiscriminatorOutput(output.logits.reshape(-1, 2).mean(dim=1), features=output.features)


class Mixed(Schedule, name="mixed"):
    """One player by its gradients, the other by its objective, on one batch."""

    shared_turns = 1

    def step(self, game):
        game.gradients("discriminator")
        weights = game.player("generator").parameters
        gradients = torch.autograd.grad(game.objective("generator")(), weights)
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient
        for player in game.players:
            game.apply(player)


@hookimpl
def ganreg_components():
    watching = [Forgetful, Learning, Listening, Losing]
    penalties = [Contrasted, Copies, Drawing, Gathering, Skipping, Sometimes]
    return [*penalties, *watching, Failing, Mixed, Packed, Rewriting]
