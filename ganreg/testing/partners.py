"""The kit's own parts: whoever is under test plays with these, so that the kit hangs on no plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, PositiveInt

from ganreg.batch import Batch
from ganreg.components import Dataset, Discriminator, Encoder, Game, Generator, Loss, Optimizer, Schedule
from ganreg.task import DatasetInfo, Shape, Task

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from ganreg.batch import DiscriminatorOutput
    from ganreg.engine.match import Match
    from ganreg.engine.play import Play


class Pictures(Dataset, name="kit-pictures"):
    """Random pictures, labelled in turn where there are classes."""

    image: Shape = Field(description="(C, H, W)")
    classes: PositiveInt | None = Field(None, description="how many classes; null for pictures without labels")
    source: Shape | None = Field(None, description="(C, H, W) of source pictures; null for none")
    count: PositiveInt = Field(32, description="pictures")
    double: bool = Field(False, description="float64 in [-1, 1] in place of uint8")

    def info(self) -> DatasetInfo:
        """Shapes, count and classes."""
        names = None if self.classes is None else tuple(f"class {k}" for k in range(self.classes))
        return DatasetInfo(self.image, self.count, names, self.source)

    def build(self, task: Task) -> Batch:
        """The pictures."""
        import torch

        numbers = torch.Generator().manual_seed(0)

        def draw(shape: Shape) -> Tensor:
            drawn = torch.randint(256, (self.count, *shape), generator=numbers, dtype=torch.uint8)
            return drawn.double() / 127.5 - 1 if self.double else drawn

        labels = None if self.classes is None else torch.arange(self.count) % self.classes
        return Batch(draw(self.image), labels, None if self.source is None else draw(self.source))


class Maker(Generator, name="kit-generator"):
    """A dense layer to a coarse grid, enlarged and coloured; from noise, or from source pictures."""

    def build(self, task: Task) -> nn.Module:
        """z or source to images (N, C, H, W)."""
        from ganreg.testing.partner_networks import Maker

        return Maker(task.image, task.latent, task.classes, task.source)


class Judge(Discriminator, name="kit-discriminator"):
    """Two convolutions and the mean over their grid: it takes pictures of any size."""

    provides: ClassVar[frozenset[str]] = frozenset({"features", "embedding", "class_logits"})

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W) to every field of a DiscriminatorOutput."""
        from ganreg.testing.partner_networks import Judge

        return Judge(task.image[0], task.classes)


class Reader(Encoder, name="kit-encoder"):
    """The discriminator's body, with another head."""

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W) to z (N, latent)."""
        from ganreg.testing.partner_networks import Reader

        return Reader(task.image[0], task.latent)


class CrossEntropy(Loss, name="kit-loss"):
    """Sigmoid cross-entropy for both players (Goodfellow et al., 2014; arXiv:1406.2661, section 3)."""

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """-E[log D(x)] - E[log(1 - D(G(z)))]."""
        return _softplus(-real.logits) + _softplus(fake.logits)

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """-E[log D(G(z))]."""
        return _softplus(-fake.logits)


class TwoPlayers(Game, name="kit-game"):
    """One generator against one discriminator."""

    def terms(self, play: Play) -> Mapping[str, Tensor]:
        """The loss of the player whose turn it is."""
        if play.player == "discriminator":
            return {"loss": play.loss.discriminator(play.real_output, play.fake_output)}
        real = play.real_output if play.loss.generator_uses_real else None
        return {"loss": play.loss.generator(real, play.fake_output)}


class WithEncoder(TwoPlayers, name="kit-encoder-game"):
    """The same, with an encoder whose latents the generator turns back into the pictures."""

    networks: ClassVar[Mapping[str, str]] = {
        "generator": "generator",
        "encoder": "encoder",
        "discriminator": "discriminator",
    }
    players: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "generator": ("generator", "encoder"),
        "discriminator": ("discriminator",),
    }

    def terms(self, play: Play) -> Mapping[str, Tensor]:
        """The loss, and for the generator's player the mean square error of the way there and back."""
        terms = dict(super().terms(play))
        if play.player == "generator":
            again = play.generate(play.networks["encoder"](play.real, play.labels))
            terms["again"] = (again - play.real).square().mean()
        return terms


class InTurn(Schedule, name="kit-schedule"):
    """Every player moves once, in the game's order."""

    stage: int | None = Field(None, description="where networks that grow stand; null for networks that do not")

    def step(self, game: Match) -> None:
        """Play one step."""
        if self.stage is not None:
            game.stage(self.stage)
        for player in game.players:
            game.update(player)


class Descent(Optimizer, name="kit-optimizer"):
    """Adam with a step that shows."""

    def build(self, task: Task) -> Callable[[Iterable[Any]], torch.optim.Optimizer]:
        """Parameters to `torch.optim.Adam`."""
        import torch

        return partial(torch.optim.Adam, lr=1e-3, betas=(0.5, 0.9))


def _softplus(values: Tensor) -> Tensor:
    from torch.nn.functional import softplus

    return softplus(values).mean()
