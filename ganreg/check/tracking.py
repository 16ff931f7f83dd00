"""What the dry run sees of every operation: its cost, the memory that lives, the labels that are read."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry


class Tracker(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts operations and the bytes of all tensors that are alive, and notices which network reads the labels.

    flops: floating-point operations of matrix products and convolutions, forward and backward; a multiply-add is two.
    peak: the largest number of bytes alive at one time. inside: the networks whose forward is running, innermost last.
    mixed: whether a product was taken of two types of number, which only the meta device lets pass.
    """

    supports_higher_order_operators = True  # such as torch.cond, which is an operation like others here

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0
        self.peak = 0
        self.inside: list[str] = []
        self.mixed = False
        self.label_readers: set[str] = set()
        self._live = 0
        self._known: set[int] = set()
        self._labels: set[int | None] = set()

    def watch_labels(self, labels: Tensor) -> None:
        """Notice who reads this tensor."""
        self._labels.add(_storage(labels))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self.inside and any(_storage(a) in self._labels for a in tree_leaves(args) if isinstance(a, Tensor)):
            self.label_readers.update(self.inside)
        result = func(*args, **(kwargs or {}))
        if getattr(func, "overloadpacket", None) in flop_registry:
            self.mixed |= len({a.dtype for a in args if isinstance(a, Tensor)}) > 1
            self.flops += flop_registry[func.overloadpacket](*args, **(kwargs or {}), out_val=result)
        for value in tree_leaves(result):
            if isinstance(value, Tensor) and value.layout == torch.strided:
                self._count(value.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return
        self._known.add(key)
        self._live += size
        self.peak = max(self.peak, self._live)
        weakref.finalize(storage, self._release, key, size)

    def _release(self, key: int, size: int) -> None:
        self._known.discard(key)
        self._live -= size


def _storage(tensor: Tensor) -> int | None:
    """What tells a tensor's memory from others'; a sparse one has none of its own."""
    key: int | None = tensor.untyped_storage()._cdata if tensor.layout == torch.strided else None
    return key
