"""What CUDA graphs do, where there is no CUDA: each operation on tensors once more, on the same tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ganreg.engine.waits import READS


class Tape(TorchDispatchMode):
    """Records as CUDA graphs do, but that the work is done as it is recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.played = 0
        self._calls: list[tuple[Any, Any, Any, list[Tensor]]] = []

    def rehearse(self, work: Callable[[], None]) -> None:
        work()

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        self._calls = []
        with self:
            work()
        calls = self._calls

        @torch.no_grad()
        def replay() -> None:
            self.played += 1
            for operation, arguments, options, outputs in calls:
                found = tensors(operation(*arguments, **options))
                for before, now in zip(outputs, found, strict=True):
                    if before.data_ptr() != now.data_ptr():
                        before.copy_(now)

        return replay

    def __torch_dispatch__(self, operation: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        if operation.overloadpacket.__name__ in READS:
            raise RuntimeError("operation not permitted when stream is capturing")
        found = operation(*arguments, **(options or {}))
        self._calls.append((operation, arguments, options or {}, tensors(found)))
        return found


def tensors(value: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]
