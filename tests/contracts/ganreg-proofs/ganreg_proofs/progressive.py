"""Progressive growing (Karras et al., 2017; arXiv:1710.10196, section 2): the networks gain layers while they train."""

from pydantic import Field, PositiveInt

from ganreg import Discriminator, Generator, Schedule
from ganreg_proofs.basics import unconditional

FIRST = 4


class Progressive(Schedule, name="tiny-progressive"):
    """From 4x4 pictures up to the task's, one doubling per stage.

    New layers fade in, and with them the detail of real pictures (figure 2). Stage k begins at step k·stage_steps;
    within its first `fade_steps` steps the share α of what is new grows linearly from 0 to 1.
    """

    stages: PositiveInt = Field(3, description="resolutions, 4 the first")
    stage_steps: PositiveInt = Field(100, description="steps at each resolution but the last, which stays")
    fade_steps: PositiveInt = Field(50, description="steps in which new layers fade in")

    def check(self, task):
        if task.image[1] != task.image[2] or task.image[1] != FIRST * 2 ** (self.stages - 1):
            raise ValueError(f"{self.stages} stages end at square pictures of side {FIRST * 2 ** (self.stages - 1)}")

    def milestones(self):
        return tuple(index * self.stage_steps for index in range(1, self.stages))

    def step(self, game):
        index = min(game.step_index // self.stage_steps, self.stages - 1)
        done = game.step_index - index * self.stage_steps
        game.stage(index, FIRST * 2**index, fade=min(done / self.fade_steps, 1) if index else 1)
        game.update("discriminator")
        game.update("generator")


class GrowingGenerator(Generator, name="tiny-growing"):
    """Begins at 4x4; each stage adds a convolution at twice the size and its own way to colours."""

    width: PositiveInt = Field(4, description="channels of every layer")

    def check(self, task):
        _reached(task)

    def build(self, task):
        from ganreg_proofs.networks.progressive import GrowingGenerator

        return GrowingGenerator(task.latent, task.image[0], self.width)


class GrowingDiscriminator(Discriminator, name="tiny-growing"):
    """The mirror image of the generator."""

    width: PositiveInt = Field(4, description="channels of every layer")

    def check(self, task):
        _reached(task)

    def build(self, task):
        from ganreg_proofs.networks.progressive import GrowingDiscriminator

        return GrowingDiscriminator(task.image[0], self.width)


def _reached(task):
    """Refuse what doubling does not lead to from the first size."""
    unconditional(task)
    side = task.image[1]
    if side != task.image[2] or side < FIRST or side & (side - 1):
        raise ValueError(f"grows to square pictures of side {FIRST}, {2 * FIRST}, {4 * FIRST}, …")
