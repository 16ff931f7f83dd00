"""Sound augmentations, schedules, games and optimizers."""

from functools import partial
from typing import ClassVar

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from ganreg import Augmentation, Game, Optimizer, Schedule


class Nothing(Augmentation, name="nothing"):
    """The pictures themselves."""

    def __call__(self, images, random):
        return images


class Different(Augmentation, name="different"):
    """Brightness, translation and cutout (Zhao et al., 2020; arXiv:2006.10738)."""

    def __call__(self, images, random):
        import torch

        count, _, height, width = images.shape
        images = images + random.uniform(count, 1, 1, 1) - 0.5
        rows = (torch.arange(height, device=images.device) + random.integers(3, count, 1)) % height
        images = images.gather(2, rows[:, None, :, None].expand_as(images))
        columns = torch.arange(width, device=images.device)
        kept = (columns - random.integers(width, count, 1)).abs() > 1
        return images * kept[:, None, None, :]


class Rotates(Augmentation, name="rotates"):
    """By a few degrees, bilinear; its derivative has none."""

    degrees: PositiveFloat = Field(10.0, description="the most")

    def __call__(self, images, random):
        import torch
        from torch.nn.functional import affine_grid, grid_sample

        angles = (random.uniform(len(images)) * 2 - 1) * torch.pi * self.degrees / 180
        zero = torch.zeros_like(angles)
        rows = torch.stack([angles.cos(), -angles.sin(), zero]), torch.stack([angles.sin(), angles.cos(), zero])
        matrices = torch.stack(rows).permute(2, 0, 1).to(images.dtype)
        grid = affine_grid(matrices, list(images.shape), align_corners=False)
        return grid_sample(images, grid, padding_mode="reflection", align_corners=False)


class Critics(Schedule, name="critics"):
    """The generator at each fifth step only, after a warm-up of ten."""

    every: PositiveInt = Field(5, description="steps of the discriminator between two of the generator")
    warm_up: NonNegativeInt = Field(10, description="steps before the first")

    def step(self, game):
        game.update("discriminator")
        if game.step_index >= self.warm_up and game.step_index % self.every == 0:
            game.update("generator")


class Spread(Schedule, name="spread-out"):
    """So many steps of the discriminator for each of the generator, one a step."""

    discriminator_steps: PositiveInt = Field(3, description="for each step of the generator")

    def step(self, game):
        game.update("discriminator")
        if (game.step_index + 1) % self.discriminator_steps == 0:
            game.update("generator")


class Warm(Schedule, name="warm"):
    """Counts its steps in state of its own."""

    patience: NonNegativeInt = Field(2, description="steps without the generator")

    def build(self, task):
        from sound.stateful import Warm

        return Warm(self.patience)


class Extragradient(Schedule, name="extragradient"):
    """Looks ahead (Gidel et al., 2018; arXiv:1802.10551)."""

    def step(self, game):
        with game.lookahead():
            for player in game.players:
                game.update(player)
            for player in game.players:
                game.gradients(player)
        for player in game.players:
            game.apply(player)


class Halves(Schedule, name="halves"):
    """Small pictures first; for pictures of even sides."""

    discriminator_steps: int = Field(2, ge=2, le=2, description="two, and no other number")

    def check(self, task):
        if task.image[1] % 2 or task.image[1] != task.image[2]:
            raise ValueError("square pictures of even sides")

    def milestones(self):
        return (3,)

    def step(self, game):
        if game.step_index >= 3:
            game.stage(1)
        for _ in range(self.discriminator_steps):
            game.update("discriminator")
        game.update("generator")


class Pool(Game, name="pool"):
    """Former pictures in a buffer."""

    def build(self, task):
        from sound.stateful import Pool

        return Pool(task.image)


class Two(Game, name="two"):
    """Two generators against one discriminator; one of them samples."""

    networks: ClassVar = {"left": "generator", "right": "generator", "discriminator": "discriminator"}
    players: ClassVar = {"generator": ("left", "right"), "discriminator": ("discriminator",)}

    def terms(self, play):
        terms = {}
        for name in ("left", "right"):
            fake = play.discriminate(play.generate(network=name))
            if play.player == "discriminator":
                terms[name] = play.loss.discriminator(play.real_output, fake)
            else:
                terms[name] = play.loss.generator(play.real_output, fake)
        return terms


class Optimistic(Optimizer, name="optimistic"):
    """One of its own."""

    lr: PositiveFloat = Field(1e-3, description="learning rate")

    def build(self, task):
        from sound.stateful import Optimistic

        return partial(Optimistic, lr=self.lr)


class Sluggish(Optimizer, name="sluggish"):
    """AdamW with a tiny step and AMSGrad, in two groups made from a list."""

    def build(self, task):
        import torch

        def make(parameters):
            parameters = list(parameters)
            return torch.optim.AdamW(
                [{"params": parameters[:1], "lr": 1e-6}, {"params": parameters[1:]}], lr=1e-6, amsgrad=True
            )

        return make
