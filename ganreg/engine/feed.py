"""Batches of real pictures by their position in the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

import torch
from torch import Tensor

from ganreg.batch import Batch
from ganreg.engine.blame import sentence
from ganreg.engine.streams import Stream
from ganreg.errors import DataError, GanregError
from ganreg.task import DatasetInfo, Task

DEVICE_SHARE = 0.25
"""A set that is a Batch lives on the device where it takes at most this share of the memory that is free there."""


class Feed:
    """Hands out the k-th batch of a run: an endless row of keyed permutations of the data, cut into batches.

    data: what a dataset built. The set is seen whole before any picture is seen again.
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
        self._orders: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self._data)

    def batch(self, position: int, rows: slice = slice(None)) -> Batch:
        """Rows of batch number `position`, counted from 0: images float in [-1, 1] on the run's device."""
        start, stop, _ = rows.indices(self._batch_size)
        return self.take(self._indices(position * self._batch_size + start, stop - start))

    def take(self, indices: Tensor) -> Batch:
        """The pictures at these indices of the set."""
        if isinstance(self._data, Batch):
            found = self._data[indices.to(self._data.images.device, non_blocking=True)]
        else:
            found = self._data.batch(indices).map(torch.clone)  # a set may fill the same tensors anew for each batch
        found = found.to(self._device, non_blocking=True)
        source = None if found.source is None else _float(found.source)
        return Batch(_float(found.images), found.labels if self._labels else None, source)

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


class MetaFeed:
    """Batches of a task's shapes without data, for steps on the meta device."""

    def __init__(self, task: Task, batch_size: int) -> None:
        def empty(shape: tuple[int, ...]) -> Tensor:
            return torch.empty(batch_size, *shape, device="meta")

        labels = None if task.classes is None else torch.empty(batch_size, dtype=torch.int64, device="meta")
        self._batch = Batch(empty(task.image), labels, empty(task.source) if task.source else None)

    def batch(self, position: int, rows: slice = slice(None)) -> Batch:
        """The same shapes at every position."""
        return self._batch[rows]


def checked(build: Callable[[], Any], info: DatasetInfo, name: str, *, labels: bool) -> Any:
    """What a dataset builds, once it is what the dataset said it would be.

    Looks at the first pictures. Raises DataError naming the dataset.
    """

    def refuse(what: str) -> NoReturn:
        raise DataError(f"the dataset '{name}' {what}")

    try:
        data = build()
        if not isinstance(data, Batch) and not (hasattr(data, "batch") and hasattr(data, "__len__")):
            refuse(f"built a {type(data).__name__}, neither a Batch nor an object with __len__ and batch(indices)")
        if len(data) == 0:
            refuse("has no pictures")
        first = torch.arange(min(len(data), 16))
        batch = data[first] if isinstance(data, Batch) else data.batch(first)
    except GanregError:
        raise
    except Exception as error:
        raise DataError(f"the dataset '{name}' failed: {sentence(error)}") from error
    if not isinstance(batch, Batch):
        refuse(f"gives a {type(batch).__name__} where a Batch is due")
    if tuple(batch.images.shape) != (len(first), *info.image):
        refuse(f"gives images {tuple(batch.images.shape)}, where it told of {(len(first), *info.image)}")
    if batch.images.dtype != torch.uint8:
        low, high = torch.aminmax(batch.images.float())
        if not -1 <= low <= high <= 1:
            refuse(f"gives values from {low:g} to {high:g}; they must be bytes, or numbers in [-1, 1]")
    if labels:
        classes = len(info.classes or ())
        if batch.labels is None:
            refuse("gives no labels, where it told of classes")
        if not 0 <= batch.labels.min() <= batch.labels.max() < classes:
            refuse(f"gives labels outside 0 … {classes - 1}")
    return data


def _float(images: Tensor) -> Tensor:
    return images.float().div_(127.5).sub_(1) if images.dtype == torch.uint8 else images


def _fits(data: Batch, device: torch.device) -> bool:
    if device.type == "cpu":
        return True
    tensors = (data.images, data.labels, data.source)
    needed = sum(t.nbytes for t in tensors if t is not None)
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 2**32
    return needed <= DEVICE_SHARE * free
