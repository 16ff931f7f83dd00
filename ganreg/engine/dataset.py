"""What a dataset builds, held to what it has told of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor

from ganreg.batch import Batch
from ganreg.engine.blame import sentence
from ganreg.errors import DataError, GanregError
from ganreg.task import DatasetInfo


@dataclass(frozen=True)
class Held:
    """A set that gives batches by index, held to what its dataset told.

    count: of its pictures. kind: of the numbers in the first ones, and so in all.
    """

    data: Any
    name: str
    info: DatasetInfo
    count: int
    kind: torch.dtype
    labels: bool

    def __len__(self) -> int:
        return self.count

    def batch(self, indices: Tensor) -> Batch:
        """The pictures at these indices, whose values are not looked at. Raises DataError naming the dataset."""
        with _naming(self.name):
            batch: Batch = self.data.batch(indices)
        flaw = _flaw(batch, len(indices), self.info, labels=self.labels)
        if not flaw and batch.images.dtype != self.kind:
            flaw = f"gives images as {batch.images.dtype}, where the first ones are {self.kind}"
        if flaw:
            raise DataError(f"the dataset '{self.name}' {flaw}")
        return batch


def checked(build: Callable[[], Any], info: DatasetInfo, name: str, *, labels: bool) -> Batch | Held:
    """What a dataset builds, once it is what the dataset said it would be.

    Looks at the values of a whole Batch, but of the first pictures alone where they come by index: those would have to
    be read from a disk. Raises DataError naming the dataset.
    """

    def refuse(what: str) -> NoReturn:
        raise DataError(f"the dataset '{name}' {what}")

    with _naming(name):
        data = build()
        if not isinstance(data, Batch) and not (hasattr(data, "batch") and hasattr(data, "__len__")):
            refuse(f"built a {type(data).__name__}, neither a Batch nor an object with __len__ and batch(indices)")
        if (count := len(data)) == 0:
            refuse("has no pictures")
        first = torch.arange(count if isinstance(data, Batch) else min(count, 16))
        batch = data if isinstance(data, Batch) else data.batch(first)
    if flaw := _flaw(batch, len(first), info, labels=labels):
        refuse(flaw)
    if count + len(getattr(data, "skipped", ())) != info.count:  # it may leave broken ones out, if it says which
        refuse(f"has {count} pictures, where it told of {info.count}")
    for images in (batch.images, batch.source if info.source else None):
        if images is not None and images.is_floating_point():
            low, high = torch.aminmax(images)
            if not -1 <= low <= high <= 1:
                refuse(f"gives values from {low:g} to {high:g}; they must be bytes, or numbers in [-1, 1]")
    if labels and batch.labels is not None:
        classes = len(info.classes or ())
        if not 0 <= batch.labels.min() <= batch.labels.max() < classes:
            refuse(f"gives labels outside 0 … {classes - 1}")
    return data if isinstance(data, Batch) else Held(data, name, info, count, batch.images.dtype, labels)


@contextmanager
def _naming(dataset: str) -> Iterator[None]:
    """A failure of a dataset's code is a DataError that names it."""
    try:
        yield
    except (GanregError, MemoryError):
        raise
    except Exception as error:
        raise DataError(f"the dataset '{dataset}' failed: {sentence(error)}") from error


def _flaw(batch: Any, count: int, info: DatasetInfo, *, labels: bool) -> str | None:
    """What is wrong with a batch that has to be of so many pictures, in words; it costs no look at a number."""
    if not isinstance(batch, Batch):
        return f"gives a {type(batch).__name__} where a Batch is due"
    due = (("images", info.image), ("source", info.source), ("labels", () if labels else None))
    for name, shape in due:
        if shape is None:
            continue
        value = getattr(batch, name)
        if value is None:
            return f"gives no {name}, where it told of {'classes' if name == 'labels' else name}"
        if not isinstance(value, Tensor):
            return f"gives {name} as a {type(value).__name__}, not a tensor"
        if tuple(value.shape) != (count, *shape):
            return f"gives {name} {tuple(value.shape)}, where {(count, *shape)} are due"
        kind = value.dtype
        if name == "labels":
            if kind.is_floating_point or kind.is_complex or kind == torch.bool:
                return f"gives labels as {kind}; they must be int64"
        elif kind != torch.uint8 and not kind.is_floating_point:
            return f"gives {name} as {kind}; they must be uint8 in 0 … 255, or float in -1 … 1"
    return None
