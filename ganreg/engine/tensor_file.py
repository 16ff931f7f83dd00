"""Tensors in a file of the safetensors format, written from where they stand.

The library's own writers copy all of them first, or write a file that Python's `open` knows nothing of. The format:
https://github.com/huggingface/safetensors#format.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ganreg.engine.disk import NO_ROOM

TYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.complex64: "C64",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint64: "U64",
    torch.uint32: "U32",
    torch.uint16: "U16",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
"""The format's words for the types of numbers that it takes."""


def write(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write dense tensors of these types, on whatever device they are; they are not flushed. Raises OSError."""
    # The largest numbers come first, so that each tensor lies where a processor can read it in place.
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    places, end = {}, 0
    for name in names:
        tensor, start = tensors[name], end
        end += tensor.nbytes
        places[name] = {"dtype": TYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
    header = json.dumps(places).encode()
    header += b" " * (-len(header) % 8)
    with path.open("wb") as file:
        _reserve(file.fileno(), 8 + len(header) + end)
        file.write(len(header).to_bytes(8, "little") + header)
        for name in names:
            file.write(raw(tensors[name].cpu()).numpy().data)


def raw(tensor: Tensor) -> Tensor:
    """The bytes of a tensor's numbers in their order; no copy where they lie so."""
    return tensor.resolve_conj().resolve_neg().reshape(-1).contiguous().view(torch.uint8)


def _reserve(descriptor: int, size: int) -> None:
    """Find room on the disk for so many bytes, where the system can: none is lacking then when they are flushed."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            if error.errno in NO_ROOM:
                raise
