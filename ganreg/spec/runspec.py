"""RunSpec: the validated, frozen description of a run. Every key of a spec file is a field here."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ganreg.components import (
    Augmentation,
    Component,
    Dataset,
    Discriminator,
    Encoder,
    Game,
    Generator,
    Loss,
    Metric,
    Observer,
    Optimizer,
    Penalty,
    Schedule,
)
from ganreg.components.base import distinct
from ganreg.errors import SpecPath

MOST = 100
"""Penalties, metrics or observers of a run: a list without an end would be checked without an end."""

OPTIMIZER = "adam"
"""Each player's, where the spec gives none."""


Folder = Annotated[Path, AfterValidator(lambda path: Path(os.path.expanduser(path)))]
"""A folder of a run; ~ is the user's home, as a shell has it."""


class Section(BaseModel):
    """A group of keys in a spec."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, ser_json_inf_nan="constants")


class Latent(Section):
    """Where z is drawn from."""

    size: PositiveInt = Field(128, le=2**24, description="length of z")
    distribution: Literal["normal", "uniform"] = Field("normal", description="N(0, 1), or uniform over [-1, 1)")


class Train(Section):
    """How long, how large and where."""

    steps: PositiveInt = Field(2000, description="steps of the schedule")
    batch_size: PositiveInt = Field(64, le=2**24, description="pictures in each player's turn")
    accumulate: PositiveInt = Field(
        1,
        description="parts that a batch is cut into, their gradients summed; losses see a part",
    )
    clip: PositiveFloat | None = Field(
        None, allow_inf_nan=False, description="largest norm of a player's gradient; null for any"
    )
    precision: Literal["fp32", "bf16"] = Field("fp32", description="bf16 runs forward and loss under autocast")
    device: str = Field("auto", pattern=r"^(auto|cpu|mps|xpu|cuda(:\d+)?)$", description="auto takes the fastest")
    compile: bool = Field(False, description="compile networks and loss with torch.compile, as far as they train so")
    cuda_graphs: bool = Field(False, description="on CUDA, record a step and replay it, where it is the same each time")
    channels_last: bool | None = Field(
        None, description="kernels with channels last in memory; null: of convolutions, where a first step goes well so"
    )
    reuse_fakes: bool = Field(
        True,
        description="keep the fakes that the discriminator saw for the generator; false takes less memory",
    )
    sync_batch_norm: bool = Field(
        False, description="of several processes, let batch normalization see the rows of all"
    )
    nonfinite: Literal["stop", "rollback"] = Field(
        "stop", description="when a number stops being finite: stop, or go back to the last checkpoint and draw anew"
    )
    rollbacks: PositiveInt = Field(3, description="how often a run may go back before it stops after all")

    @model_validator(mode="after")
    def _divisible(self) -> Train:
        if self.batch_size % self.accumulate:
            raise PydanticCustomError(
                "accumulate",
                "batch_size {batch_size} cannot be cut into {accumulate} equal parts",
                {"batch_size": self.batch_size, "accumulate": self.accumulate},
            )
        return self


class Ema(Section):
    """An exponential moving average of the generators' weights; samples come from it."""

    decay: float = Field(0.999, ge=0, lt=1, description="per step, reached by the ramp min(decay, (1 + t) / (10 + t))")
    half_life: PositiveFloat | None = Field(
        None, allow_inf_nan=False, description="pictures after which a weight counts half; in place of `decay`"
    )
    ramp: PositiveFloat | None = Field(
        None, allow_inf_nan=False, description="largest half-life as a share of the pictures so far; 0.05 in StyleGAN2"
    )
    final: float | None = Field(
        None, ge=0, le=1, description="decay at the last step, reached from `decay` along half a cosine, as in BYOL"
    )
    start: int = Field(0, ge=0, description="step that it begins at; until then it is the generator itself")

    @field_validator("ramp", "final")
    @classmethod
    def _of_its_kind(cls, value: float | None, info: ValidationInfo) -> float | None:
        halves = info.data.get("half_life") is not None
        if value is not None and halves != (info.field_name == "ramp"):
            raise ValueError("goes without `half_life`" if halves else "goes with `half_life`")
        return value

    def at(self, step: int, train: Train) -> float:
        """The decay d at a step, counted from 0: w <- d w + (1 - d) w_now.

        With a half-life h in pictures, d = 0.5^(batch size / h), h at most `ramp` times the pictures since `start`
        (StyleGAN2; Karras et al., 2020; arXiv:1912.04958).
        """
        since = step - self.start
        if since < 0:
            return 0.0
        if self.half_life is not None:
            pictures = since * train.batch_size
            half_life = self.half_life if self.ramp is None else min(self.half_life, self.ramp * pictures)
            return 0.5 ** (train.batch_size / half_life) if half_life else 0.0
        decay = self.decay
        if self.final is not None:
            left = (1 + math.cos(math.pi * min(step / train.steps, 1))) / 2
            decay = self.final - (self.final - decay) * left
        return min(decay, (1 + since) / (10 + since))


class Best(Section):
    """The measurement by which a checkpoint is the best of its run."""

    metric: str = Field(min_length=1, description="a figure as the log names it, such as separability/auc")
    mode: Literal["min", "max"] = Field("min", description="whether the smallest or the largest figure is the best")


class Output(Section):
    """What a run writes, and where."""

    folder: Folder | None = Field(None, description="the run's folder; null takes a free name under runs/")
    samples_every: PositiveInt = Field(200, description="steps between two grids of samples")
    samples: PositiveInt = Field(64, le=2**16, description="pictures in a grid")
    checkpoint_every: PositiveInt = Field(500, description="steps between two checkpoints")
    keep: PositiveInt = Field(2, description="checkpoints kept, the newest")
    best: Best | None = Field(
        None,
        description="keep the best checkpoint beside them: by this figure of a metric, or a mapping; null for none",
    )
    log_every: PositiveInt = Field(10, description="steps between two lines of the log")
    disk_full: Literal["stop", "wait"] = Field(
        "stop", description="where the disk has no room left: stop, or wait for room and go on"
    )

    @field_validator("folder", mode="before")
    @classmethod
    def _names_a_folder(cls, value: Any) -> Any:
        if value == "":  # as of a variable that is not set; to a path it is the current folder
            raise ValueError("should name a folder, or be null for a free one under runs/")
        return value

    @field_validator("best", mode="before", json_schema_input_type=str | Best | None)
    @classmethod
    def _by_its_metric(cls, value: Any) -> Any:
        return {"metric": value} if isinstance(value, str) else value


class Init(Section):
    """Another run, whose newest checkpoint the networks start from, and their averages."""

    run: Folder = Field(description="its folder")
    networks: tuple[str, ...] | None = Field(
        None, min_length=1, description="which ones; null for all that both runs have"
    )


def _by_name(name: str) -> Any:
    """A default that is looked up in the registry like any name in a spec."""
    return name


def _named(value: Any, default: str) -> Any:
    """Parameters without a name are the default's: `--set schedule.discriminator_steps=2` reaches it by its path."""
    return {"name": default, **value} if isinstance(value, dict) and "name" not in value else value


def _latent(value: Any) -> Any:
    return {"size": value} if isinstance(value, int) and not isinstance(value, bool) else value


def _init(value: Any) -> Any:
    return {"run": value} if isinstance(value, str | Path) else value


class RunSpec(BaseModel):
    """A run, whole. Components are given by name, or as a mapping of a name and parameters."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", defer_build=True, validate_default=True, ser_json_inf_nan="constants"
    )

    seed: int = Field(0, ge=0, lt=2**63, description="all randomness follows from it")
    data: Dataset = Field(description="the pictures")
    generator: Generator = Field(description="makes pictures from z")
    discriminator: Discriminator = Field(description="tells real pictures from generated ones")
    encoder: Encoder | None = Field(None, description="turns pictures into z, in games that have one")
    latent: Annotated[Latent, BeforeValidator(_latent, json_schema_input_type=PositiveInt | Latent)] = Field(
        Latent(), description="z: a size, or a mapping"
    )
    conditional: bool = Field(False, description="give labels to the networks; sets task.classes")
    game: Game = Field(_by_name("standard"), description="who plays")
    loss: Loss = Field(description="what the players minimize")
    penalties: tuple[Penalty, ...] = Field((), max_length=MOST, description="further terms and constraints")
    augment: Augmentation | None = Field(None, description="changes what the discriminator sees")
    schedule: Schedule = Field(_by_name("alternating"), description="the order of updates within a step")
    optimizers: dict[str, Optimizer] = Field({}, description="one per player of the game; adam where none is given")
    ema: Ema | None = Field(Ema(), description="moving average of the generator; null for none")
    init: Annotated[Init | None, BeforeValidator(_init, json_schema_input_type=Path | Init | None)] = Field(
        None, description="weights to start from: the folder of a run, or a mapping; null for random ones"
    )
    train: Train = Field(Train(), description="length, size and place of the training")
    metrics: tuple[Metric, ...] = Field((), max_length=MOST, description="measurements of the generator")
    observers: tuple[Observer, ...] = Field((), max_length=MOST, description="who else hears of the run")
    output: Output = Field(Output(), description="what is written")

    @property
    def metric_names(self) -> list[str]:
        """The metrics' names, each another, as the log has them."""
        return distinct([metric.name for metric in self.metrics])

    @field_validator("game", "schedule", mode="before")
    @classmethod
    def _parameters_of_the_default(cls, value: Any, info: ValidationInfo) -> Any:
        assert info.field_name is not None
        return _named(value, cls.model_fields[info.field_name].default)

    @field_validator("optimizers", mode="before")
    @classmethod
    def _one_per_player(cls, value: Any, info: ValidationInfo) -> Any:
        game = info.data.get("game")
        if not isinstance(value, dict) or game is None:
            return value
        for player in value:
            if player not in game.players:
                raise PydanticCustomError(
                    "unknown_player",
                    "no player of the game '{game}' is called '{player}'",
                    {"game": game.name, "player": player, "hint": f"its players: {', '.join(game.players)}"},
                )
        return {player: _named(value.get(player, OPTIMIZER), OPTIMIZER) for player in game.players}

    def components(self) -> Iterator[tuple[SpecPath, Component]]:
        """Every component with its path in the spec; those inside other components follow them."""
        yield from components_in(self)


def components_in(value: Any, path: SpecPath = ()) -> Iterator[tuple[SpecPath, Component]]:
    """Every component in a value, itself too, with its path there; those inside another one follow it."""
    if isinstance(value, Component):
        yield path, value
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from components_in(getattr(value, name), (*path, name))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from components_in(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from components_in(item, (*path, index))
