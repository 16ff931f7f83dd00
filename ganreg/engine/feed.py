"""Batches of real pictures by their position in the run."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor

from ganreg.batch import Batch
from ganreg.engine.streams import Stream
from ganreg.engine.tensor_file import raw
from ganreg.rng import keyed
from ganreg.task import Shape, Task

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


def _fits(data: Batch, device: torch.device) -> bool:
    if device.type == "cpu":
        return True
    tensors = (data.images, data.labels, data.source)
    needed = sum(t.nbytes for t in tensors if t is not None)
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 2**32
    return needed <= DEVICE_SHARE * free
