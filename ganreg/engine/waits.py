"""What in a step makes host and device wait for each other, and cannot be recorded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

READS = {
    "_local_scalar_dense",
    "_linalg_check_errors",
    "bincount",
    "equal",
    "masked_select",
    "nonzero",
    "repeat_interleave",
    "unique_consecutive",
    "unique_dim",
    "_unique2",
}
"""Operations whose results, or their sizes, the host looks at."""
SOLVERS = {
    "_linalg_eigh",
    "_linalg_eigvals",
    "_linalg_svd",
    "geqrf",
    "linalg_eig",
    "linalg_householder_product",
    "linalg_ldl_factor_ex",
    "linalg_ldl_solve",
    "linalg_lstsq",
    "ormqr",
}
"""Operations of a library that does not stand a recording which fails, and which they make fail, or may.

What is decomposed by Cholesky, LU or QR, or solved so, can be recorded (seen with torch 2.11 and CUDA 13).
"""
FILLS = {"index_fill", "index_fill_"}
"""Whose value is read where it is a tensor; the derivative of a trace is made so."""
INDEXING = {"index", "index_put", "index_put_", "_unsafe_index", "_unsafe_index_put"}
COPIES = {"_to_copy", "copy_"}


class Waits(TorchDispatchMode):
    """Looks at each operation on tensors within.

    device: the run's. found: what cannot be recorded, in words.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[str] = []
        self._device = device.type
        self._resting = False

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Within, nothing is looked at."""
        self._resting = True
        try:
            yield
        finally:
            self._resting = False

    def __torch_dispatch__(self, operation: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        found = operation(*arguments, **(options or {}))
        name = operation.overloadpacket.__name__
        if not self._resting and self._waits(name, arguments, found) and (caller := _caller()):
            self.found.append(f"{caller} does '{name}', for which host and device wait for each other")
        return found

    def _waits(self, name: str, arguments: Any, found: Any) -> bool:
        if name in READS or name in SOLVERS:
            return True
        if name in FILLS:
            return isinstance(arguments[-1], Tensor)
        if name in INDEXING:  # by truth values: the size of the result is read
            return any(
                isinstance(i, Tensor) and i.dtype in (torch.bool, torch.uint8) for i in tree_leaves(arguments[1])
            )
        if name == "lift_fresh":  # a tensor of numbers of the host
            return bool(found.device.type == self._device)
        if name in COPIES:
            devices = {value.device.type for value in tree_leaves((arguments[:2], found)) if isinstance(value, Tensor)}
            return len(devices) > 1
        return False


def _caller() -> str | None:
    """The module that the present operation comes from, beneath torch and the engine; an optimizer of torch's, too.

    None for one that can do without, and does where it is recorded.
    """
    frame = sys._getframe(2)
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith("torch.optim.") and module != "torch.optim.optimizer":
            return None if "capturable" in frame.f_code.co_varnames else module
        if not module.startswith(("torch.", "ganreg.engine.", "contextlib")) and module != "torch":
            return module
        frame = frame.f_back  # type: ignore[assignment]
    return "the backward pass"
