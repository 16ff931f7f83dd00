"""Flip one bit of a checkpoint, load it, and see whether anybody notices."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from tests.crash.compare.trainers import Tensors, same


def measure(checkpoint: Path, load: Callable[[Path], Tensors], flips: int, luck: random.Random) -> dict[str, Any]:
    """What became of so many flipped bits, each alone, anywhere in the checkpoint's files."""
    files = sorted(path for path in checkpoint.rglob("*") if path.is_file()) or [checkpoint]
    sizes = [path.stat().st_size for path in files]
    expected = copied(load(checkpoint))
    unnoticed = changed = 0
    for _ in range(flips):
        path = luck.choices(files, sizes)[0]
        content = path.read_bytes()
        path.write_bytes(flipped(content, luck))
        try:
            loaded = copied(load(checkpoint))
        except Exception:
            continue
        finally:
            path.write_bytes(content)
        unnoticed += 1
        changed += not same(expected, loaded)
    return {
        "bytes": sum(sizes),
        "flipped": flips,
        "loaded all the same": unnoticed,
        "with other weights or moments": changed,
    }


def copied(tensors: Tensors) -> Tensors:
    """Tensors of their own memory: some loaders map the file, which is about to change."""
    return {name: tensor.clone() for name, tensor in tensors.items()}


def flipped(content: bytes, luck: random.Random) -> bytes:
    """One bit of it the other way round."""
    changed = bytearray(content)
    changed[luck.randrange(len(changed))] ^= 1 << luck.randrange(8)
    return bytes(changed)


def plain(tensors: Tensors, flips: int, luck: random.Random, place: Path) -> dict[str, dict[str, Any]]:
    """The same for the two file formats alone, holding the same tensors."""
    torch.save(tensors, place / "plain.pt")
    safetensors.torch.save_file(tensors, place / "plain.safetensors")
    return {
        "torch.save": measure(place / "plain.pt", torch.load, flips, luck),
        "safetensors": measure(place / "plain.safetensors", safetensors.torch.load_file, flips, luck),
    }
