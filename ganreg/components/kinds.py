"""The kinds of component, and what each promises to the engine.

`build(task)` returns the thing that the docstring names; a component that needs no building is that thing itself.
Whatever has state builds an `nn.Module` with buffers, or offers `state_dict` and `load_state_dict`, and is saved.
Everything but the networks may define `after_update(play)`. It is called once a player, any player, has really moved,
not on a trial inside `lookahead`, with that player's last play, or the play of the batch's last part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from inspect import isfunction
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, NonNegativeFloat, PositiveInt

from ganreg.components.base import Component, label

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch import Tensor, nn

    from ganreg.batch import DiscriminatorOutput, Features
    from ganreg.engine.match import Match
    from ganreg.engine.metrics import Evaluation
    from ganreg.engine.play import Play
    from ganreg.engine.streams import Stream
    from ganreg.task import DatasetInfo, Task


class Generator(Component, kind="generator"):
    """Builds a network `forward(z, labels=None) -> images`: z (N, latent) to images (N, C, H, W) in [-1, 1].

    In image-to-image games `forward(source, z=None, labels=None)`. Labels are (N,) int64, given where
    `task.classes` is a number.
    """

    def build(self, task: Task) -> nn.Module:
        """The network."""
        raise NotImplementedError(f"generator '{self.name}' has no build(task)")


class Discriminator(Component, kind="discriminator"):
    """Builds a network `forward(images, labels=None) -> Tensor | DiscriminatorOutput`; a bare tensor is the logits.

    `provides` names the other fields of its output that it fills.
    """

    def build(self, task: Task) -> nn.Module:
        """The network."""
        raise NotImplementedError(f"discriminator '{self.name}' has no build(task)")


class Encoder(Component, kind="encoder"):
    """Builds a network `forward(images, labels=None) -> z`: images (N, C, H, W) to (N, latent)."""

    def build(self, task: Task) -> nn.Module:
        """The network."""
        raise NotImplementedError(f"encoder '{self.name}' has no build(task)")


class Loss(Component, kind="loss"):
    """What each player minimizes, from the discriminator's outputs on real and generated pictures.

    Both methods return a scalar tensor. `real` is None for the generator unless `generator_uses_real`. A
    discriminator of several scales calls the loss once per scale, and the values are summed.
    """

    generator_uses_real: ClassVar[bool] = False

    def discriminator(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """The discriminator's loss."""
        raise NotImplementedError(f"loss '{self.name}' has no discriminator(real, fake)")

    def generator(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Tensor:
        """The generator's loss."""
        raise NotImplementedError(f"loss '{self.name}' has no generator(real, fake)")


class Penalty(Component, kind="penalty"):
    """A further term of one player's loss, or a constraint on its weights.

    Calling it with the play returns a scalar tensor that is multiplied by `weight`, or None for no term. A
    constraint (weight clipping) defines `after_update(play)` instead. `player` may be a property. With `every` = k the
    term is computed at each k-th update of its player and multiplied by k (lazy regularization; Karras et al., 2020,
    arXiv:1912.04958).
    """

    player: ClassVar[str] = "discriminator"
    double_backward: ClassVar[bool] = False

    weight: NonNegativeFloat = Field(1.0, description="factor of the term")
    every: PositiveInt = Field(1, description="computed at each such update of the player, with that gain")

    def __call__(self, play: Play) -> Tensor | None:
        """The term, without its weight."""
        return None


class Augmentation(Component, kind="augmentation"):
    """Changes the pictures that the discriminator sees, real and generated alike; differentiable.

    `random` draws numbers that depend on seed and step alone: use it, not the global generator.
    """

    def __call__(self, images: Tensor, random: Stream) -> Tensor:
        """(N, C, H, W) in [-1, 1] to the same shape."""
        raise NotImplementedError(f"augmentation '{self.name}' is not callable")


class Schedule(Component, kind="schedule"):
    """The order in which players update within one step, written with the verbs of `Match`.

    shared_turns: of how many turns the generator will see the pictures that the discriminator has seen, unless it moves
    in between: then they are made once, and their graph is kept that long. May be a property.
    """

    shared_turns: ClassVar[int] = 0

    def milestones(self) -> tuple[int, ...]:
        """Steps, counted from 0, at which networks or shapes change: the dry run plays these besides the first."""
        return ()

    def step(self, game: Match) -> None:
        """Play one step."""
        raise NotImplementedError(f"schedule '{self.name}' has no step(game)")


class Game(Component, kind="game"):
    """Who plays, and how a batch becomes each player's terms.

    networks: each network's name with the role (generator, discriminator, encoder) whose component builds it.
    players: each player's name with the networks that it owns and moves.
    """

    networks: ClassVar[Mapping[str, str]] = {"generator": "generator", "discriminator": "discriminator"}
    players: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "generator": ("generator",),
        "discriminator": ("discriminator",),
    }

    def task_for(self, network: str, task: Task) -> Task:
        """The task of one network, where it differs (CycleGAN's way back swaps image and source)."""
        return task

    def terms(self, play: Play) -> Mapping[str, Tensor]:
        """The terms that `play.player` minimizes, by name; their sum is its loss."""
        raise NotImplementedError(f"game '{self.name}' has no terms(play)")

    def real(self, play: Play) -> Tensor:
        """The pictures that are presented as real: `play.real`. By default those of the batch."""
        return play.pictures

    def real_output(self, play: Play) -> DiscriminatorOutput:
        """What the discriminator says of the real side: `play.real_output`. A game of pairs gives it more."""
        return play.discriminate(play.real)

    def fake_output(self, play: Play) -> DiscriminatorOutput:
        """What the discriminator says of the generated side: `play.fake_output`."""
        return play.discriminate(play.fake)

    def sample(self, network: nn.Module, z: Tensor, labels: Tensor | None, source: Tensor | None) -> Tensor:
        """Pictures (N, C, H, W) from a generator, for sample grids and metrics."""
        images: Tensor = network(z, labels) if source is None else network(source, z, labels)
        return images


class Optimizer(Component, kind="optimizer"):
    """Builds a function from an iterable of parameters to a `torch.optim.Optimizer`."""

    def build(self, task: Task) -> Callable[[Iterable[Any]], torch.optim.Optimizer]:
        """Parameters to an optimizer of them."""
        raise NotImplementedError(f"optimizer '{self.name}' has no build(task)")


class Dataset(Component, kind="dataset"):
    """Pictures. `info` tells shapes without loading; `build` loads.

    `build(task)` returns a `Batch` that holds the whole set as uint8, or an object with `__len__` and
    `batch(indices: Tensor) -> Batch`. Both raise DataError where files are missing or broken.
    """

    def info(self) -> DatasetInfo:
        """Shapes, count and classes; imports no torch."""
        raise NotImplementedError(f"dataset '{self.name}' has no info()")

    def build(self, task: Task) -> Any:
        """The pictures."""
        raise NotImplementedError(f"dataset '{self.name}' has no build(task)")


class Metric(Component, kind="metric"):
    """Measures the generator. Builds a callable `(evaluation) -> {name: number, or picture (C, H, W) in [-1, 1]}`.

    What it builds may tell its `protocol(evaluation)` as well. Figures of different protocols are never put together.
    """

    every: PositiveInt | None = Field(None, description="steps between two measurements; null for the end alone")

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Tensor]:
        """The figures, by name."""
        raise NotImplementedError(f"metric '{self.name}' is not callable")

    def protocol(self, evaluation: Evaluation) -> Mapping[str, str | float | bool | None]:
        """What the figures depend on besides the networks: extractor, counts, data, seed, by name; {} for nothing."""
        return {}


class Extractor(Component, kind="extractor"):
    """Turns pictures into points of a space that metrics measure in. Builds a callable `images -> Features`.

    Images are (N, C, H, W) in [-1, 1], of any size that `check(task)` accepts. One that tells classes apart provides
    {"logits"}. Each picture's features depend on that picture alone.
    """

    def fingerprint(self) -> str:
        """What its features depend on, in one line: module, name, parameters; one with weights adds their sha256.

        Imports no torch. Raises DataError where the weights' file cannot be read.
        """
        return label(self, full=True)

    def __call__(self, images: Tensor) -> Features:
        """(N, C, H, W) to values (N, D), and logits (N, K) where it provides them."""
        raise NotImplementedError(f"extractor '{self.name}' is not callable")


class Observer(Component, kind="observer"):
    """Hears what happens in a run, for logs and dashboards elsewhere. Every method may be left out."""

    def started(self, folder: Path, spec: Mapping[str, Any]) -> None:
        """The run begins or goes on; `spec` is the spec with every default written out."""

    def logged(self, step: int, values: Mapping[str, float]) -> None:
        """Losses or metrics of a step were read."""

    def sampled(self, step: int, picture: Path) -> None:
        """A grid of samples was written."""

    def drawn(self, step: int, name: str, picture: Path) -> None:
        """A metric's picture of that name was written."""

    def measuring(self, metric: str, side: str, done: int, total: int) -> None:
        """A metric has looked at so many of its pictures; side: "generated" or "real"."""

    def finished(self, step: int) -> None:
        """The run ended, at its last step or before."""


EVENTS = tuple(name for name, value in vars(Observer).items() if isfunction(value) and not name.startswith("_"))
"""What observers hear of."""

KINDS: Mapping[str, type[Component]] = {
    kind.kind: kind
    for kind in (
        Generator,
        Discriminator,
        Encoder,
        Loss,
        Penalty,
        Augmentation,
        Schedule,
        Game,
        Optimizer,
        Dataset,
        Metric,
        Extractor,
        Observer,
    )
}
