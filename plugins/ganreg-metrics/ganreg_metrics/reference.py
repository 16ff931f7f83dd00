"""Features of real pictures, kept from one run to the next.

```
<cache>/features/<key>.safetensors    values and logits; the key is a hash of the pictures and the extractor
```
A file is believed where its content has the hash that was written with it, and the first pictures still have the
features that stand in it. Anything here may be deleted at any time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ganreg import Features

VARIABLE = "GANREG_CACHE"
FORMAT = "1"
CLOSE = 1e-3
"""How far features may differ from one machine to the next, relative to their size."""


def folder() -> Path:
    """Where they are kept: in the user's cache, or the folder that GANREG_CACHE names."""
    if named := os.environ.get(VARIABLE):
        return Path(named) / "features"
    from platformdirs import user_cache_path

    return user_cache_path("ganreg", appauthor=False) / "features"


def remembered(pictures: str, extractor: str, first: Tensor, compute: Callable[[], Features]) -> Features:
    """The features of real pictures, from the cache or else computed and written there.

    pictures: the hash of all of them. extractor: its fingerprint. first: the values of the first few of them, computed
    now, against an extractor that is not what it was.
    """
    key = sha256("\n".join((FORMAT, pictures, extractor)).encode()).hexdigest()
    path = folder() / f"{key}.safetensors"
    found = _read(path)
    if found is None or not _alike(found.values[: len(first)], first):
        found = compute()
        _write(path, found)
    return found


def _alike(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and bool((one - other).norm() <= CLOSE * other.norm())


def _read(path: Path) -> Features | None:
    """What a file holds; None where there is none, or one that is not whole."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
            digest = (file.metadata() or {}).get("sha256")
    except (OSError, SafetensorError):
        return None
    if digest != _digest(tensors) or "values" not in tensors:
        return None
    return Features(tensors["values"], tensors.get("logits"))


def _write(path: Path, features: Features) -> None:
    """Whoever reads meanwhile sees the old file or the new one; where nothing can be written, nothing is."""
    tensors = {"values": features.values, **({} if features.logits is None else {"logits": features.logits})}
    content = save(tensors, metadata={"sha256": _digest(tensors)})
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            try:
                file.write(content)
                file.close()
                os.replace(file.name, path)
            except OSError:
                os.unlink(file.name)
                raise


def _digest(tensors: dict[str, Tensor]) -> str:
    digest = sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
        digest.update(tensor.numpy().data)
    return digest.hexdigest()
