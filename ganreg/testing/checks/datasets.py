"""Datasets: what `info` says is what there is, and the same at every look."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganreg.batch import Batch
from ganreg.errors import DataError
from ganreg.rng import rekey
from ganreg.task import DatasetInfo, Task
from ganreg.testing.check import Failure, check
from ganreg.testing.files import present, scratch
from ganreg.testing.network import build
from ganreg.testing.suite import Subject

LOOKED_AT = 64
"""Pictures of a set that are looked at, from the first to the last."""


@check("dataset", remedy="return DatasetInfo(image=(C, H, W), count=…, classes=(names) or None)")
def info(subject: Subject) -> None:
    """info() tells shape, count and classes."""
    found = _info(subject)
    if not isinstance(found, DatasetInfo):
        raise Failure(f"its info() is a {type(found).__name__}, not a DatasetInfo")
    for name, shape in (("image", found.image), ("source", found.source)):
        if not (_is_shape(shape) or (name == "source" and shape is None)):
            raise Failure(f"its {name} is {shape!r}, not (C, H, W)")
    if not isinstance(found.count, int) or found.count < 1:
        raise Failure(f"its count is {found.count!r}", "count the pictures, and raise DataError where there are none")
    names = found.classes
    if names is not None and (not isinstance(names, tuple) or not names or not all(isinstance(n, str) for n in names)):
        raise Failure(f"its classes are {names!r}", "a tuple of names, or None where there are no labels")


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 3 and all(isinstance(n, int) and n > 0 for n in value)


@check(
    "dataset", needs=("info", "builds"), remedy="let info() and build() read the same files with the same parameters"
)
def as_described(subject: Subject) -> None:
    """Pictures, labels and sources are as info() describes them."""
    found, data = _info(subject), _data(subject)
    if len(data) != found.count:
        raise Failure(f"info() counts {found.count} pictures, and there are {len(data)}")
    some = _spread(found.count)
    count = len(some)
    batch = _take(data, some)
    _pictures("pictures", batch.images, found.image, count)
    if found.source is not None or batch.source is not None:
        _pictures("sources", batch.source, found.source, count)
    whole = data if isinstance(data, Batch) else batch
    _labels(found, whole.labels, len(whole))


def _labels(found: DatasetInfo, labels: Any, count: int) -> None:
    if (labels is None) != (found.classes is None):
        raise Failure(
            f"info() gives classes {found.classes}, and labels are {'missing' if labels is None else 'there'}"
        )
    if labels is not None and found.classes is not None:
        if labels.dtype != torch.int64 or labels.shape != (count,):
            got = f"{labels.dtype} of {tuple(labels.shape)}"
            raise Failure(f"its labels are {got}, not int64 of {(count,)}", "one label per picture: labels.long()")
        if labels.min() < 0:
            raise Failure(
                f"its labels begin at {int(labels.min())}", "count labels from 0, and leave out what has none"
            )
        if labels.max() >= len(found.classes):
            raise Failure(
                f"its labels go to {int(labels.max())}, of {len(found.classes)} classes", "count labels from 0"
            )


def _pictures(what: str, images: Any, shape: Any, count: int) -> None:
    if not isinstance(images, Tensor) or shape is None or tuple(images.shape) != (count, *shape):
        got = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise Failure(f"its {what} are {got}, not {(count, *(shape or ()))}")
    if images.dtype == torch.uint8:
        if images.max() == 1:
            raise Failure(f"its {what} are uint8 and reach no further than 1", "scale to 0..255, or float in [-1, 1]")
        return
    if not images.is_floating_point():
        raise Failure(f"its {what} are {images.dtype}", "uint8 in [0, 255], or float in [-1, 1]")
    low, high = images.min().item(), images.max().item()
    if low < -1 or high > 1 or not images.isfinite().all():
        raise Failure(
            f"its {what} lie in [{low:.3g}, {high:.3g}], not in [-1, 1]", "pixels / 127.5 - 1, or uint8 as they are"
        )
    if low >= 0 and high > 0:
        raise Failure(
            f"its {what} lie in [{low:.3g}, {high:.3g}], half of [-1, 1]", "pixels / 127.5 - 1, or uint8 as they are"
        )


@check(
    "dataset", needs=("as-described",), remedy="draw from torch's global generator in build, and from nothing in batch"
)
def same_pictures(subject: Subject) -> None:
    """The same indices give the same pictures, in whatever order and however often, from another build too."""
    one, other = _data(subject), _data(subject)
    some = _spread(len(one)).flip(0)
    batches: list[Batch] = []
    for data in (one, one, other):
        rekey(len(batches) if data is one else 7)
        batches.append(_take(data, some).map(torch.clone))  # it may hand out one tensor, filled anew
        _take(data, some[:3])
    for batch in batches[1:]:
        for name in _differing(batches[0], batch):
            raise Failure(f"asked twice for the same indices, it gives other {name}")
    order = torch.randperm(len(some), generator=torch.Generator().manual_seed(0))
    for name in _differing(batches[0][order], _take(one, some[order])):
        raise Failure(
            f"asked for the same indices in another order, it gives {name} that are not in that order",
            "keep the order of the indices, and give each row what belongs to its index",
        )


def _differing(one: Batch, other: Batch) -> Iterator[str]:
    for name in ("images", "labels", "source"):
        a, b = getattr(one, name), getattr(other, name)
        if (a is None) != (b is None) or (a is not None and not torch.equal(a, b)):
            yield name


def _spread(count: int) -> Tensor:
    """Indices from the first to the last."""
    return torch.linspace(0, count - 1, min(count, LOOKED_AT), dtype=torch.float64).round().long()


@check("dataset", needs=("info",), remedy="raise ganreg.errors.DataError, naming the path")
def missing_files(subject: Subject) -> None:
    """Where its files are missing, it raises DataError."""
    for name, field in type(subject.part).model_fields.items():
        if field.is_required() and field.annotation is Path:
            part: Any = subject.make(**{name: str(scratch() / "nothing")})
            try:
                task = Task(part.info().image, 8)
                build(part, task)
            except DataError:
                continue
            raise Failure(f"with a {name} that is not there it raises nothing")


def _info(subject: Subject) -> Any:
    part: Any = subject.part
    return present(part.info)


def _data(subject: Subject) -> Any:
    return present(lambda: build(subject.make(), subject.task))


def _take(data: Any, indices: Tensor) -> Batch:
    batch: Batch = data[indices] if isinstance(data, Batch) else data.batch(indices)
    if not isinstance(batch, Batch):
        raise Failure(f"its batch(indices) is a {type(batch).__name__}, not a Batch", "from ganreg import Batch")
    return batch
