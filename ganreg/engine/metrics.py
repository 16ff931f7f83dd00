"""What a metric gets to measure with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ganreg.batch import Batch, DiscriminatorOutput
from ganreg.components import Metric
from ganreg.components.base import label
from ganreg.engine.feed import Feed
from ganreg.engine.match import Match
from ganreg.engine.outputs import as_output
from ganreg.engine.pictures import evaluating, frozen, generated
from ganreg.registry import first_party

Plain = str | float | bool | None
"""A value of a protocol."""
Tick = Callable[[str, int, int], None]
"""Hears which pictures are looked at, "generated" or "real", how many have been and how many will be."""


class Evaluation:
    """Generated and real pictures for a metric; the same ones at every measurement of a run.

    notes: free for metrics that are taken at the same step, so that one need not make again what another has made,
    such as features; each under a key that says all it depends on.
    """

    def __init__(
        self,
        match: Match,
        feed: Feed,
        notes: dict[Any, Any] | None = None,
        tick: Tick = lambda side, done, total: None,
    ) -> None:
        self._match = match
        self._feed = feed
        self._tick = tick
        self.notes = {} if notes is None else notes
        self.device = match.device
        self.step = match.step_index

    @cached_property
    def facts(self) -> Mapping[str, str | int]:
        """What every figure depends on, for a metric's protocol: data, size of the pictures (C, H, W), seed.

        Data are told by what they are called, wherever they lie, and by a hash of some of them.
        """
        spec = self._match.spec
        channels, height, width = self._match.current_stage.fit(self._feed.take(torch.arange(1)).images).shape[1:]
        data = f"{label(spec.data, paths=False)} {self._feed.fingerprint}"
        return {"data": data, "pictures": f"{channels}x{height}x{width}", "seed": spec.seed}

    def generated(self, count: int) -> Iterator[Batch]:
        """`count` generated pictures with their labels, in batches, float in [-1, 1] on the run's device.

        In a conditional run the classes come in turn, and so in equal shares.
        """
        done = 0
        for batch in generated(self._match, self._feed, count, "metrics", in_turn=True):
            yield replace(batch, images=batch.images.clamp(-1, 1))
            done += len(batch)
            self._tick("generated", done, count)

    def real(self, count: int | None = None) -> Iterator[Batch]:
        """`count` real pictures, all by default, in batches, float in [-1, 1] on the run's device.

        Fewer than all lie evenly in the set, which may be sorted by class.
        """
        total, size, fit = len(self._feed), self._match.spec.train.batch_size, self._match.current_stage.fit
        count = total if count is None else min(count, total)
        for start in range(0, count, size):
            part = torch.arange(start, min(start + size, count))
            batch = self._feed.take(part * total // count)
            source = None if batch.source is None else fit(batch.source)
            yield replace(batch, images=fit(batch.images), source=source)
            self._tick("real", start + len(part), count)

    def noise(self, count: int, *key: str | int) -> Tensor:
        """(count, latent) of the spec's distribution, the same at every measurement; another key gives other noise."""
        return self._match.noise(count, "metrics", *key)

    def generate(self, z: Tensor, labels: Tensor | None = None, source: Tensor | None = None) -> Tensor:
        """Pictures (N, C, H, W) in [-1, 1] from z (N, latent), as the first generator's moving average makes them.

        Gradients pass to z and source, and to no weight: for inversion, path lengths, ways from one z to another.
        labels (N,) int64: those of a conditional run. source: the pictures of image-to-image data.
        """
        network = next(iter(self._match.generators.values()))
        with evaluating(network), frozen(network):
            images = self._match.spec.game.sample(network, z, labels, source)
        return images.float().clamp(-1, 1)

    def discriminate(
        self, images: Tensor, labels: Tensor | None = None, network: str = "discriminator"
    ) -> DiscriminatorOutput:
        """What a discriminator says of pictures, in evaluation mode and without augmentation.

        Gradients pass to pictures that require them, and to no weight.
        labels: reach it in a conditional run alone. Raises KeyError for a network that the game has not.
        """
        judge = self._match.networks[network]
        labels = None if self._match.parts.task.classes is None else labels
        with evaluating(judge), frozen(judge):
            return as_output(judge(images, labels), labels)


@dataclass(frozen=True)
class Found:
    """What a metric found: numbers and pictures by name, and how it measured."""

    figures: Mapping[str, float]
    pictures: Mapping[str, Tensor]
    protocol: Mapping[str, Plain]


def measure(metric: Metric, built: Any, evaluation: Evaluation) -> Found:
    """Let what a metric built measure. Raises TypeError where it gives anything but what its contract says."""
    found = built(evaluation)
    if not isinstance(found, Mapping):
        raise TypeError(f"it gives {type(found).__name__}, where figures by name are due")
    if odd := [name for name in found if not isinstance(name, str)]:
        raise TypeError(f"it gives a figure by {odd[0]!r}, where its name is due")
    pictures = {name: value for name, value in found.items() if is_picture(value)}
    figures = {name: figure(name, value) for name, value in found.items() if name not in pictures}
    return Found(figures, pictures, protocol_of(metric, built, evaluation))


def figure(name: str, value: Any) -> float:
    """What a metric gives by a name, as the number that it is. Raises TypeError where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"'{name}' is {value!r}, neither a number nor a picture") from error


def protocol_of(metric: Metric, built: Any, evaluation: Evaluation) -> dict[str, Plain]:
    """How a metric measures: as what it built tells, or else the metric and the evaluation's facts.

    Raises TypeError where it is not flat.
    """
    tell = getattr(built, "protocol", None)
    protocol = dict(tell(evaluation)) if tell else {}
    for name, value in protocol.items():
        if not isinstance(name, str) or not isinstance(value, str | int | float | bool | None):
            raise TypeError(f"its protocol has {name!r}: {value!r}, where text, a number or null is due")
    return protocol or {"metric": _named(metric), **evaluation.facts}


def _named(metric: Metric) -> str:
    """Its label, in full unless it is first-party: any other may share its name with one of another plugin."""
    ours = {f"ganreg_{namespace}" for namespace in first_party()}
    foreign = type(metric).__module__.partition(".")[0] not in ours
    return label(metric.model_copy(update={"every": None}), full=foreign)


def picture_name(metric: Metric, name: str) -> str:
    """What a metric's picture is called: after the metric, unless its name is the metric's or begins so."""
    own = name == metric.name or name.startswith((f"{metric.name}/", f"{metric.name}-"))
    return name if own else f"{metric.name}-{name}"


def is_picture(value: Any) -> bool:
    """Whether what a metric gives is a picture (C, H, W) in [-1, 1], and not a number."""
    return isinstance(value, Tensor) and value.ndim == 3
