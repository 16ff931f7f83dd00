"""Checkpoints: folders of safetensors and JSON that are whole or not there.

A checkpoint is written to a temporary folder beside its target; its files and the folder are flushed to the disk; the
manifest with every file's sha256 comes last; then one rename gives it its name, and only then an old one goes.

```
checkpoints/00000500/  networks.safetensors  ema.safetensors  training.safetensors  state.json  manifest.json
```
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from ganreg.engine.state import join, split
from ganreg.errors import CheckpointError

FORMAT = 1
MANIFEST = "manifest.json"
OWN_FILES = ("networks", "ema")
"""Top-level parts of the state that have a tensor file of their own; the others share `training.safetensors`."""


class Checkpoints:
    """The checkpoints of one run, newest kept."""

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self.keep = keep

    def save(self, state: Mapping[str, Any]) -> Path:
        """Write a state under its step. Raises CheckpointError where the disk does not take it."""
        step = int(state["step"])
        target = self.folder / f"{step:08d}"
        temporary = self.folder / f".{target.name}.tmp"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
            digests = {name: _write(temporary / name, content) for name, content in _files(state).items()}
            _write(temporary / MANIFEST, _manifest(step, digests))
            _sync(temporary)
            shutil.rmtree(target, ignore_errors=True)
            temporary.rename(target)
            _sync(self.folder)
            for old in self.folders()[: -self.keep]:
                shutil.rmtree(old, ignore_errors=True)
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise CheckpointError(f"cannot write the checkpoint {target}: {error.strerror or error}") from error
        return target

    def folders(self) -> list[Path]:
        """The checkpoint folders, oldest first, verified or not."""
        found = self.folder.iterdir() if self.folder.is_dir() else iter(())
        return sorted(path for path in found if path.is_dir() and path.name.isdigit())

    def newest(self) -> tuple[dict[str, Any], list[str]]:
        """The newest state that verifies, and a sentence for each newer checkpoint that does not.

        Raises CheckpointError where none does.
        """
        skipped: list[str] = []
        for path in reversed(self.folders()):
            try:
                return read(path), skipped
            except CheckpointError as error:
                skipped.append(str(error))
        raise CheckpointError("\n".join([f"no usable checkpoint in {self.folder}", *skipped]))


def read(path: Path) -> dict[str, Any]:
    """The state in a checkpoint folder, every byte verified. Raises CheckpointError."""
    try:
        digests = _read_manifest(path)
        contents = {name: (path / name).read_bytes() for name in digests}
        for name, content in contents.items():
            if sha256(content).hexdigest() != digests[name]:
                raise CheckpointError(f"checkpoint {path} is damaged: {name} is not what was written")
        tensors: dict[str, Tensor] = {}
        for name, content in contents.items():
            if name.endswith(".safetensors"):
                tensors.update(safetensors.torch.load(content))
        state: dict[str, Any] = join(json.loads(contents["state.json"]), tensors)
    except OSError as error:
        raise CheckpointError(f"checkpoint {path} is incomplete: {error.strerror}: {error.filename}") from error
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise CheckpointError(f"checkpoint {path} is damaged: {error}") from error
    return state


def _files(state: Mapping[str, Any]) -> dict[str, bytes]:
    tensors: dict[str, Tensor] = {}
    skeleton = split(state, tensors)
    files: dict[str, dict[str, Tensor]] = {f"{name}.safetensors": {} for name in (*OWN_FILES, "training")}
    for name, tensor in tensors.items():
        top = name.split("/", 1)[0]
        files[f"{top if top in OWN_FILES else 'training'}.safetensors"][name] = tensor
    written = {name: safetensors.torch.save(content) for name, content in files.items()}
    return {**written, "state.json": json.dumps(skeleton).encode()}


def _manifest(step: int, digests: Mapping[str, str]) -> bytes:
    """The manifest verifies itself too: its own digest is over everything else in it."""
    content = {"format": FORMAT, "step": step, "files": dict(digests)}
    digest = sha256(json.dumps(content).encode()).hexdigest()
    return json.dumps({**content, "digest": digest}).encode()


def _read_manifest(path: Path) -> dict[str, str]:
    raw = (path / MANIFEST).read_bytes()
    content = json.loads(raw)
    if content["format"] != FORMAT:
        raise CheckpointError(f"checkpoint {path} has format {content['format']}; this ganreg reads {FORMAT}")
    digests: dict[str, str] = content["files"]
    if _manifest(content["step"], digests) != raw or path.name != f"{content['step']:08d}":
        raise CheckpointError(f"checkpoint {path} is damaged: {MANIFEST} is not what was written")
    return digests


def _write(path: Path, content: bytes) -> str:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return sha256(content).hexdigest()


def _sync(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
