"""Broken penalties, augmentations, schedules, games and optimizers."""

from collections import deque
from functools import partial
from typing import ClassVar

from pydantic import Field, PositiveInt

from defects import caught_by
from ganreg import Augmentation, Game, Optimizer, Penalty, Schedule


class Slope(Penalty):
    """|∇D(x)|² (Mescheder et al., 2018)."""

    double_backward = True

    def __call__(self, play):
        return slopes(play).square().sum(dim=1).mean()


def slopes(play, ones=None):
    import torch

    images = play.real.detach().requires_grad_()
    logits = play.discriminate(images).logits
    (found,) = torch.autograd.grad(logits, images, grad_outputs=ones or torch.ones_like(logits), create_graph=True)
    return found.flatten(1)


@caught_by("builds")
class Idle(Penalty, name="idle"):
    """Does nothing about w = 0."""


@caught_by("term")
class PenaltyPerPicture(Slope, name="penalty-per-picture"):
    """|∇D(x)|² for each picture."""

    def __call__(self, play):
        return slopes(play).square().sum(dim=1)


@caught_by("term")
class Constant(Slope, name="constant"):
    """|∇D(x)|² without a gradient."""

    def __call__(self, play):
        return super().__call__(play).detach()


@caught_by("term")
class WrongPlayer(Slope, name="wrong-player"):
    """E[G(z)²], a term of the generator that is given to the discriminator."""

    def __call__(self, play):
        return play.fake.square().mean()


@caught_by("term")
class SquareRoot(Slope, name="square-root"):
    """√(∇D(x) - ∇D(x))², whose slope is infinite at 0."""

    def __call__(self, play):
        found = slopes(play)
        return (found - found).square().sum(dim=1).sqrt().mean()


@caught_by("term")
class Endless(Slope, name="endless"):
    """|∇D(x)|² - log 0, which has a finite slope."""

    def __call__(self, play):
        return super().__call__(play) - play.real.new_zeros(()).log()


@caught_by("its-player")
class NoSuchPlayer(Slope, name="no-such-player"):
    """|∇D(x)|², for a player by another name."""

    player = "critic"


@caught_by("leaves-alone")
class Blackens(Slope, name="blackens"):
    """|∇D(x)|² at pictures that it clips in place."""

    def __call__(self, play):
        play.real.clamp_(-0.5, 0.5)
        return super().__call__(play)


@caught_by("term")
class NoGraph(Slope, name="no-graph"):
    """|∇D(x)|², and forgets create_graph."""

    def __call__(self, play):
        import torch

        images = play.real.detach().requires_grad_()
        (found,) = torch.autograd.grad(play.discriminate(images).logits.sum(), images)
        return found.square().sum(dim=(1, 2, 3)).mean()


@caught_by("unweighted")
class Weighted(Slope, name="weighted"):
    """w |∇D(x)|², which the engine multiplies by w once more."""

    def __call__(self, play):
        return self.weight * super().__call__(play)


@caught_by("unweighted")
class Spaced(Slope, name="spaced"):
    """k |∇D(x)|², which the engine multiplies by k once more."""

    def __call__(self, play):
        return self.every * super().__call__(play)


@caught_by("says-double-backward")
class Silent(Slope, name="silent"):
    """|∇D(x)|², and does not say that it differentiates twice."""

    double_backward = False


@caught_by("float64")
class SinglePenalty(Slope, name="single-penalty"):
    """|∇D(x)|² with weights in float32."""

    def __call__(self, play):
        import torch

        found = slopes(play).square()
        return (found @ torch.ones(found.shape[1], device=found.device)).mean()


@caught_by("own-player")
class ClipsAll(Penalty, name="clips-all"):
    """Clips every weight of the game to |w| < 0.01."""

    def after_update(self, play):
        import torch

        with torch.no_grad():
            for network in play.networks.values():
                for parameter in network.parameters():
                    parameter.clamp_(-0.01, 0.01)


@caught_by("state")
class Recent(Slope, name="recent"):
    """|∇D(x)|² over the mean of the last four, which it keeps in a deque."""

    def build(self, task):
        return RecentSlopes()


class RecentSlopes:
    def __init__(self):
        self.values = deque(maxlen=4)

    def __call__(self, play):
        value = slopes(play).square().sum(dim=1).mean()
        self.values.append(value.detach())
        return value / sum(self.values)


@caught_by("repeats")
class Memory(Slope, name="memory"):
    """|∇D(x)|² less its mean over all that this process has seen."""

    def __call__(self, play):
        value = super().__call__(play)
        SEEN.append(value.detach())
        return (value - sum(SEEN) / len(SEEN)).square()


SEEN = []


@caught_by("rows")
class Directions(Slope, name="directions"):
    """E[(v·∇D(x))²] with v ~ N(0, 1), of which each picture has a column."""

    def __call__(self, play):
        found = slopes(play)
        directions = play.random("directions").normal(found.shape[1], len(found))
        return (found * directions.T.to(found)).sum(dim=1).square().mean()


@caught_by("repeats")
class SystemNoise(Slope, name="system-noise"):
    """u |∇D(x)|² with u from a generator of numpy's that nobody seeds."""

    def __call__(self, play):
        import numpy as np

        return float(np.random.default_rng().uniform()) * super().__call__(play)


@caught_by("bf16")
class FloatPenalty(Slope, name="float-penalty"):
    """E[D(x)²] of features, interpolated with float32."""

    requires = frozenset({"features"})

    def __call__(self, play):
        feature = play.real_output.features[0]
        return feature.lerp(play.real[:, :1].expand_as(feature), 0.5).square().mean()


@caught_by("requires")
class SecretPenalty(Penalty, name="secret-penalty"):
    """E[h(x)²] of an embedding that it does not ask for."""

    def __call__(self, play):
        return play.real_output.embedding.square().mean()


@caught_by("modes")
class Evaluates(Slope, name="evaluates"):
    """|∇D(x)|² in evaluation, in which it leaves the network."""

    def __call__(self, play):
        play.networks["discriminator"].eval()
        return super().__call__(play)


@caught_by("leaves-alone")
class Backwards(Slope, name="backwards"):
    """|∇D(x)|², which calls backward."""

    def __call__(self, play):
        value = super().__call__(play)
        value.backward(retain_graph=True)
        return value


@caught_by("leaves-alone")
class Clears(Slope, name="clears"):
    """|∇D(x)|², and clears all gradients before."""

    def __call__(self, play):
        for parameter in play.parameters():
            parameter.grad = None
        return super().__call__(play)


@caught_by("keeps-shape")
class Crops(Augmentation, name="crops"):
    """Loses the border."""

    def __call__(self, images, random):
        return images[:, :, 1:-1, 1:-1]


@caught_by("differentiable")
class Posterizes(Augmentation, name="posterizes"):
    """Rounds to a few levels."""

    def __call__(self, images, random):
        return (images * 8).round() / 8


@caught_by("leaves-alone")
class Brightens(Augmentation, name="brightens"):
    """In place."""

    def __call__(self, images, random):
        return images.add_(0.2 * random.normal(len(images), 1, 1, 1))


@caught_by("own-stream")
class GlobalNoise(Augmentation, name="global-noise"):
    """Draws from torch's own generator."""

    def __call__(self, images, random):
        import torch

        return images + 0.1 * torch.randn_like(images)


@caught_by("rows")
class Columns(Augmentation, name="columns"):
    """Brightness by channel, of which each picture has a column."""

    def __call__(self, images, random):
        return images + 0.1 * random.normal(images.shape[1], len(images)).T[:, :, None, None].to(images.dtype)


@caught_by("float64")
class SingleBrightness(Augmentation, name="single-brightness"):
    """Brighter, and in float32."""

    def __call__(self, images, random):
        return images.float() + 0.1


@caught_by("meta")
class SometimesFlips(Augmentation, name="sometimes-flips"):
    """Reads a number."""

    def __call__(self, images, random):
        return images.flip(3) if random.uniform(1).item() < 0.5 else images


@caught_by("builds")
class NoStep(Schedule, name="no-step"):
    """Has no step."""


@caught_by("moves-everyone")
class OnlyCritic(Schedule, name="only-critic"):
    """Forgets the generator."""

    def step(self, game):
        game.update("discriminator")


@caught_by("counts")
class OffByOne(Schedule, name="off-by-one"):
    """One update of the discriminator too few."""

    discriminator_steps: PositiveInt = Field(2, description="updates of the discriminator")

    def step(self, game):
        for _ in range(1, self.discriminator_steps):
            game.update("discriminator")
        game.update("generator")


@caught_by("unfrozen")
class Freezes(Schedule, name="freezes"):
    """Freezes the discriminator for the generator's turn, and leaves it frozen."""

    def step(self, game):
        game.networks["discriminator"].requires_grad_(True)
        game.update("discriminator")
        game.update("generator")
        game.networks["discriminator"].requires_grad_(False)


@caught_by("milestones")
class ListsMilestones(Schedule, name="lists-milestones"):
    """Names its milestones in words."""

    def milestones(self):
        return ("half", "end")

    def step(self, game):
        for player in game.players:
            game.update(player)


@caught_by("plays")
class MisspellsPlayer(Schedule, name="misspells-player"):
    """Moves a player that no game has."""

    def step(self, game):
        game.update("discriminatr")
        game.update("generator")


@caught_by("plays")
class AppliesFirst(Schedule, name="applies-first"):
    """Moves before there is a gradient."""

    def step(self, game):
        for player in game.players:
            game.apply(player)


class TwoSides(Game):
    """One against one."""

    def terms(self, play):
        if play.player == "discriminator":
            return {"loss": play.loss.discriminator(play.real_output, play.fake_output)}
        return {"loss": play.loss.generator(None, play.fake_output)}


@caught_by("players")
class Unknown(TwoSides, name="unknown"):
    """A role that nobody fills."""

    networks: ClassVar = {"generator": "generator", "discriminator": "critic"}


@caught_by("players")
class Stranger(TwoSides, name="stranger"):
    """A player that moves a network of another game."""

    players: ClassVar = {"generator": ("generator",), "discriminator": ("critic",)}


@caught_by("players")
class Motionless(TwoSides, name="motionless"):
    """A player that moves nothing."""

    players: ClassVar = {"generator": ("generator", "discriminator"), "discriminator": ()}


@caught_by("players")
class Fakeless(TwoSides, name="fakeless"):
    """A game without a generator."""

    networks: ClassVar = {"discriminator": "discriminator"}
    players: ClassVar = {"discriminator": ("discriminator",)}


@caught_by("players")
class Shared(TwoSides, name="shared-network"):
    """Two players with one network."""

    players: ClassVar = {"generator": ("generator", "discriminator"), "discriminator": ("discriminator",)}


@caught_by("task-for")
class NoTask(TwoSides, name="no-task"):
    """Returns nothing for one network."""

    def task_for(self, network, task):
        return task if network == "generator" else None


@caught_by("samples")
class SamplesNoise(TwoSides, name="samples-noise"):
    """Samples z."""

    def sample(self, network, z, labels, source):
        return z


@caught_by("own-player")
class MovesBoth(TwoSides, name="moves-both"):
    """Decays the generator's weights in the discriminator's turn."""

    def after_update(self, play):
        for parameter in play.networks["generator"].parameters():
            parameter.data.mul_(0.99)


@caught_by("requires")
class SecretGame(TwoSides, name="secret-game"):
    """Compares features that it does not ask for."""

    def terms(self, play):
        return {**super().terms(play), "first": play.fake_output.features[0].square().mean()}


@caught_by("builds")
class NoFactory(Optimizer, name="no-factory"):
    """A learning rate in place of an optimizer."""

    def build(self, task):
        return 1e-3


@caught_by("builds")
class Ready(Optimizer, name="ready"):
    """An optimizer of weights of its own, in place of a function from parameters to one."""

    def build(self, task):
        import torch

        return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.01)


@caught_by("descends")
class Climbs(Optimizer, name="climbs"):
    """Goes uphill."""

    def build(self, task):
        import torch

        return partial(torch.optim.SGD, lr=0.01, maximize=True)


@caught_by("descends")
class Asks(Optimizer, name="asks"):
    """Looks at the loss several times a step."""

    def build(self, task):
        import torch

        return partial(torch.optim.LBFGS, lr=0.01, max_iter=2)


@caught_by("descends")
class MovesAll(Optimizer, name="moves-all"):
    """Decays every parameter, with a gradient or without."""

    def build(self, task):
        import torch

        class Optimizer(torch.optim.SGD):
            @torch.no_grad()
            def step(self, closure=None):
                super().step(closure)
                for group in self.param_groups:
                    for parameter in group["params"]:
                        parameter.mul_(0.999)

        return partial(Optimizer, lr=0.01)


@caught_by("descends")
class First(Optimizer, name="first"):
    """Takes two parameters of all."""

    def build(self, task):
        import torch

        return lambda parameters: torch.optim.Adam(list(parameters)[:2], lr=0.01)


@caught_by("state")
class Decaying(Optimizer, name="decaying"):
    """A learning rate that falls with a count of its own."""

    def build(self, task):
        import torch

        class Optimizer(torch.optim.SGD):
            calls = 0

            def step(self, closure=None):
                self.calls += 1
                for group in self.param_groups:
                    group["lr"] = 0.01 / self.calls
                return super().step(closure)

        return partial(Optimizer, lr=0.01)
