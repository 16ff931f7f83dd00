"""Batches of real pictures by their position in the run."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganreg.batch import Batch
from ganreg.engine.streams import Stream
from ganreg.errors import DataError

DEVICE_SHARE = 0.25
"""A set that is a Batch lives on the device where it takes at most this share of the memory that is free there."""


class Feed:
    """Hands out the k-th batch of a run: an endless row of keyed permutations of the data, cut into batches.

    data: what a dataset built. The set is seen whole before any picture is seen again.
    """

    def __init__(self, data: Any, batch_size: int, seed: int, device: torch.device, *, labels: bool) -> None:
        if len(data) == 0:
            raise DataError("the dataset has no pictures")
        self._data = data.to(device) if isinstance(data, Batch) and _fits(data, device) else data
        self._batch_size = batch_size
        self._seed = seed
        self._device = device
        self._labels = labels
        self._orders: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self._data)

    def batch(self, position: int) -> Batch:
        """Batch number `position`, counted from 0: images float in [-1, 1] on the run's device."""
        return self.take(self._indices(position * self._batch_size, self._batch_size))

    def take(self, indices: Tensor) -> Batch:
        """The pictures at these indices of the set."""
        if isinstance(self._data, Batch):
            found = self._data[indices.to(self._data.images.device, non_blocking=True)]
        else:
            found = self._data.batch(indices)
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
    """Batches of the right shapes without data, for the dry run."""

    def __init__(self, images: tuple[int, int, int], batch_size: int, *, labels: bool, source: Any = None) -> None:
        def empty(shape: tuple[int, ...]) -> Tensor:
            return torch.empty(batch_size, *shape, device="meta")

        classes = torch.empty(batch_size, dtype=torch.int64, device="meta") if labels else None
        self._batch = Batch(empty(images), classes, empty(source) if source else None)

    def batch(self, position: int) -> Batch:
        """The same shapes at every position."""
        return self._batch


def _float(images: Tensor) -> Tensor:
    return images.float().div_(127.5).sub_(1) if images.dtype == torch.uint8 else images


def _fits(data: Batch, device: torch.device) -> bool:
    if device.type == "cpu":
        return True
    tensors = (data.images, data.labels, data.source)
    needed = sum(t.nbytes for t in tensors if t is not None)
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 2**32
    return needed <= DEVICE_SHARE * free
