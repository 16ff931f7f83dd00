"""Batches of real pictures by their position in the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import Any, NoReturn

import torch
from torch import Tensor

from ganreg.batch import Batch
from ganreg.engine.blame import sentence
from ganreg.engine.streams import Stream
from ganreg.engine.tensor_file import raw
from ganreg.errors import DataError, GanregError
from ganreg.rng import keyed
from ganreg.task import DatasetInfo, Shape, Task

SOME = 16
"""Pictures that are looked at to tell sets apart: all of them would have to be read from a disk."""
DEVICE_SHARE = 0.25
"""A set that is a Batch lives on the device where it takes at most this share of the memory that is free there."""


class Feed:
    """Hands out the k-th batch of a run: an endless row of keyed permutations of the data, cut into batches.

    data: what a dataset built. The set is seen whole before any picture is seen again. double: whether pictures that
    are kept as float64 stay so; all others become float32.
    """

    def __init__(self, data: Any, batch_size: int, seed: int, device: torch.device, *, labels: bool) -> None:
        if isinstance(data, Batch):
            data = data if labels else replace(data, labels=None)  # nobody looks at them
            data = data.to(device) if _fits(data, device) else data
        self._data = data
        self._batch_size = batch_size
        self._seed = seed
        self._device = device
        self._labels = labels
        self.double = True
        self._orders: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self._data)

    @cached_property
    def fingerprint(self) -> str:
        """Of pictures that lie evenly in the set, and of how many there are: another set has another one."""
        count = min(len(self), SOME)
        with keyed(0, "fingerprint"):  # a set may draw as it reads
            some = self._found(torch.arange(count) * len(self) // count).images.cpu()  # as they are, on any device
        told = f"{len(self)} {some.dtype} {tuple(some.shape)}"
        return sha256(told.encode() + raw(some).numpy().tobytes()).hexdigest()[:8]

    def batch(self, position: int, rows: slice = slice(None)) -> Batch:
        """Rows of batch number `position`, counted from 0: images float in [-1, 1] on the run's device."""
        start, stop, _ = rows.indices(self._batch_size)
        return self.take(self._indices(position * self._batch_size + start, stop - start))

    def take(self, indices: Tensor) -> Batch:
        """The pictures at these indices of the set."""
        found = self._found(indices).to(self._device, non_blocking=True)
        source = None if found.source is None else self._float(found.source)
        labels = found.labels.long() if self._labels and found.labels is not None else None
        return Batch(self._float(found.images), labels, source)

    def _found(self, indices: Tensor) -> Batch:
        """What the data hold there."""
        if isinstance(self._data, Batch):
            return self._data[indices.to(self._data.images.device, non_blocking=True)]
        # A set may fill the same tensors anew for each batch, and write into the indices.
        found: Batch = self._data.batch(indices.clone()).map(torch.clone)
        return found

    def _float(self, images: Tensor) -> Tensor:
        if images.dtype == torch.uint8:
            return images.float().div_(127.5).sub_(1)
        return images if self.double and images.dtype == torch.float64 else images.float()

    def _indices(self, start: int, count: int) -> Tensor:
        size, pieces = len(self._data), []
        while count > 0:
            epoch, offset = divmod(start, size)
            piece = self._order(epoch)[offset : offset + count]
            pieces.append(piece)
            start, count = start + len(piece), count - len(piece)
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    def _order(self, epoch: int) -> Tensor:
        if epoch not in self._orders:
            self._orders = {e: o for e, o in self._orders.items() if e >= epoch - 1}
            self._orders[epoch] = Stream(torch.device("cpu"), self._seed, "order", epoch).permutation(len(self._data))
        return self._orders[epoch]


class NoiseFeed:
    """Batches of a task's shapes that are noise; on the meta device shapes alone."""

    def __init__(self, task: Task, batch_size: int, device: torch.device) -> None:
        stream = Stream(device, 0, "noise for pictures")

        def pictures(shape: Shape) -> Tensor:
            return stream.uniform(batch_size, *shape) * 2 - 1

        labels = None if task.classes is None else stream.integers(task.classes, batch_size)
        self._batch = Batch(pictures(task.image), labels, pictures(task.source) if task.source else None)

    def batch(self, position: int, rows: slice = slice(None)) -> Batch:
        """The same at every position."""
        return self._batch[rows]


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


def _fits(data: Batch, device: torch.device) -> bool:
    if device.type == "cpu":
        return True
    tensors = (data.images, data.labels, data.source)
    needed = sum(t.nbytes for t in tensors if t is not None)
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 2**32
    return needed <= DEVICE_SHARE * free
