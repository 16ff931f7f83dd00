"""What the metrics build: a measurement, and the sample of both sides that it is taken of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

from ganreg import Batch, Features, Task
from ganreg_metrics.reference import remembered

if TYPE_CHECKING:
    from ganreg.engine.metrics import Evaluation, Plain
    from ganreg_metrics.components import InFeatures, Measured

Extract = Callable[[Tensor], Features]
LAST_BIT = 2.5e-7
"""How far devices may differ in a number that each has made of the same byte."""
Made = TypeVar("Made")


class Measurement:
    """A metric that is built. extract: what its extractor built, if it has one."""

    def __init__(self, metric: Measured, task: Task, extract: Extract | None = None) -> None:
        self.metric = metric
        self.classes = task.classes
        self.extract = extract
        self._told: tuple[Evaluation, Mapping[str, Plain]] | None = None

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Tensor]:
        """The figures, none of pictures too small for them. Raises ValueError where the set has too few."""
        if min(next(evaluation.real(1)).images.shape[2:]) < self.metric.window:
            return {}
        sample = Sample(self, evaluation)
        figures = sample.metric.figures(sample)
        self._told = evaluation, sample.protocol()
        return figures

    def protocol(self, evaluation: Evaluation) -> Mapping[str, Plain]:
        """Extractor, counts and parameters, data and its hash; of a measurement just taken without looking again."""
        if self._told and self._told[0] is evaluation:
            return self._told[1]
        return Sample(self, evaluation).protocol()


@dataclass(frozen=True)
class Points:
    """Features of pictures on the CPU: values (N, D) and logits (N, K), and labels (N,) in a conditional run."""

    values: Tensor
    logits: Tensor | None
    labels: Tensor | None


@dataclass(frozen=True)
class Seen:
    """What is known of the real pictures once all have been looked at: the hash of their numbers, and labels (N,)."""

    sha256: str
    count: int
    labels: Tensor | None


class Sample:
    """Generated and real pictures, and their features; each is made when first asked for, and once for all metrics.

    classes: how many there are in a conditional run, whether or not the sample has pictures of each.
    """

    def __init__(self, measurement: Measurement, evaluation: Evaluation) -> None:
        self.classes = measurement.classes
        self.evaluation = evaluation
        self.metric: Any = measurement.metric
        self.metric = self.metric.within(self.seen.count)
        self._extract = measurement.extract
        if isinstance(self._extract, nn.Module):
            self._extract.to(evaluation.device)

    def generated_pictures(self) -> Iterator[Batch]:
        """As many as the metric says, in batches."""
        return self.evaluation.generated(self.metric.generated)

    def real_pictures(self) -> Iterator[Batch]:
        """As many as the metric says, in batches."""
        return self.evaluation.real(self.metric.real)

    @property
    def generated(self) -> Points:
        """The features of the generated pictures."""
        return self._noted(("generated", self._fingerprint, self.metric.generated), self._of_generated)

    @property
    def real(self) -> Points:
        """The features of the real pictures, from the cache where they are known."""
        return self._noted(("real", self._fingerprint, self.metric.real), self._of_real)

    @cached_property
    def _fingerprint(self) -> str:
        """The extractor's, which may read a large file for it."""
        metric: InFeatures = self.metric
        return metric.extractor.fingerprint()

    @property
    def seen(self) -> Seen:
        """What is known of the real pictures."""
        return self._noted(("seen", self.metric.real), self._look)

    def _noted(self, key: tuple[Any, ...], make: Callable[[], Made]) -> Made:
        """What is made once for all metrics that are taken together."""
        key = (__name__, *key)
        if key not in self.evaluation.notes:
            self.evaluation.notes[key] = make()
        made: Made = self.evaluation.notes[key]
        return made

    def _of_generated(self) -> Points:
        labels: list[Tensor] = []
        found = self._features(_labelled(self.generated_pictures(), labels))
        return Points(found.values, found.logits, torch.cat(labels) if labels else None)

    def _of_real(self) -> Points:
        first = self._features([next(self.real_pictures())]).values
        found = remembered(self.seen.sha256, self._fingerprint, first, lambda: self._features(self.real_pictures()))
        return Points(found.values, found.logits, self.seen.labels)

    def _look(self) -> Seen:
        digest, count = sha256(str(self.evaluation.facts["pictures"]).encode()), 0
        labels: list[Tensor] = []
        for batch in _labelled(self.real_pictures(), labels):
            digest.update(_settled(batch.images).numpy().data)
            count += len(batch)
        return Seen(digest.hexdigest(), count, torch.cat(labels) if labels else None)

    def protocol(self) -> Mapping[str, Plain]:
        """What the figures depend on besides the networks."""
        metric = self.metric
        told: dict[str, Plain] = {**self.evaluation.facts, **metric.model_dump(exclude={"every", "extractor"})}
        if self._extract is not None:
            told["extractor"] = self._fingerprint
        return {**told, **metric.told(self), "real": self.seen.count, "real_sha256": self.seen.sha256}

    @torch.no_grad()
    def _features(self, batches: Iterable[Batch]) -> Features:
        assert self._extract is not None, "metrics of pictures alone ask for no features"
        found = [self._sound(self._extract(batch.images), len(batch)) for batch in batches]
        logits = [part.logits for part in found if part.logits is not None]
        values = torch.cat([part.values.float().cpu() for part in found])
        return Features(values, torch.cat(logits).float().cpu() if logits else None)

    def _sound(self, features: Features, count: int) -> Features:
        """The features of some pictures. Raises TypeError or ValueError where they are none."""
        who = f"the extractor '{self.metric.extractor.name}'"
        if not isinstance(features, Features):
            raise TypeError(f"{who} gives {type(features).__name__}, where ganreg.Features are due")
        values = features.values
        if values.ndim != 2 or len(values) != count:
            shape = tuple(values.shape)
            raise ValueError(f"{who} gives values {shape} of {count} pictures, where ({count}, D) are due")
        if not values.isfinite().all():
            raise ValueError(f"{who} gives features that are not finite")
        return features


def _settled(images: Tensor) -> Tensor:
    """Pictures on the CPU, numbers of bytes as the CPU makes them: GPUs multiply where it divides by 127.5."""
    images = images.float().cpu().contiguous()
    bytewise = images.add(1).mul_(127.5).round_().div_(127.5).sub_(1)
    return bytewise.where((images - bytewise).abs() <= LAST_BIT, images)


def _labelled(batches: Iterable[Batch], labels: list[Tensor]) -> Iterator[Batch]:
    """The batches, whose labels are put down in passing."""
    for batch in batches:
        if batch.labels is not None:
            labels.append(batch.labels.cpu())
        yield batch
