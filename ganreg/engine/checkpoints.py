"""Checkpoints: folders of safetensors and JSON that are whole or not there.

A checkpoint is written to a temporary folder beside its target, straight from the tensors; its files and the folder are
flushed to the disk; the manifest with every file's sha256 comes last; then one rename gives it its name, and only then
an old one goes.

```
checkpoints/00000500/  networks.safetensors  ema.safetensors  training.safetensors  state.json  manifest.json
```
"""

from __future__ import annotations

import json
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from ganreg.engine import tensor_file
from ganreg.engine.disk import create, flush, sync
from ganreg.engine.state import join, split
from ganreg.errors import CheckpointError, brief, printable

FORMAT = 1
MANIFEST = "manifest.json"
OWN_FILES = ("networks", "ema")
"""Top-level parts of the state that have a tensor file of their own; the others share `training.safetensors`."""
STATE = "state.json"
TENSORS = tuple(f"{name}.safetensors" for name in (*OWN_FILES, "training"))
FILES = sorted([STATE, *TENSORS])
COMING, GOING = ".tmp", ".gone"
"""How the folder of a checkpoint ends that is being written, or removed, and has no checkpoint's name."""


class Checkpoints:
    """The checkpoints of one run: the newest are kept, and one that is spared beside them."""

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self.keep = keep

    def save(self, state: Mapping[str, Any]) -> Path:
        """Write a state under its step. Raises CheckpointError where the disk does not take it."""
        return self.complete(self.draft(state))

    def draft(self, state: Mapping[str, Any]) -> int:
        """Take a state down as it is now, which may change afterwards, and tell its step.

        It is in a temporary folder then: a checkpoint but for its manifest, and not flushed yet. Raises CheckpointError
        where the disk does not take it, and for what a checkpoint cannot hold.
        """
        tensors: dict[str, Tensor] = {}
        skeleton = json.dumps(split(state, tensors)).encode()
        files: dict[str, dict[str, Tensor]] = {name: {} for name in TENSORS}
        for name, tensor in tensors.items():
            top = name.split("/", 1)[0]
            files[f"{top if top in OWN_FILES else 'training'}.safetensors"][name] = tensor
        step = int(state["step"])
        coming = self._coming(step)
        try:
            with self._writing(step):
                self.folder.mkdir(parents=True, exist_ok=True)
                self.tidy()
                coming.mkdir()
                for name, content in files.items():
                    tensor_file.write(coming / name, content)
                (coming / STATE).write_bytes(skeleton)
        except BaseException:
            self.tidy()
            raise
        return step

    def complete(self, step: int, rest: Callable[[], object] = lambda: None, *, spare: int | None = None) -> Path:
        """Make a checkpoint of a draft, and let old ones go. Raises CheckpointError; it can then be called again.

        rest: is called between two pieces of work. spare: a step whose checkpoint does not go, old as it may be.
        """
        target, coming = self._target(step), self._coming(step)
        with self._writing(step):
            if coming.exists() or not target.exists():  # else a call has failed after this, and is repeated
                digests = {name: flush(coming / name, rest) for name in FILES}
                create(coming / MANIFEST, _manifest(step, digests))
                sync(coming)
                _remove(target)
                coming.rename(target)
            sync(self.folder)
            # A newer one, which the run did not go on from, counts for none of those that it can go back to.
            for old in [path for path in self.folders() if int(path.name) <= step][: -self.keep]:
                if int(old.name) != spare:
                    _remove(old)
        return target

    def _target(self, step: int) -> Path:
        return self.folder / f"{step:08d}"

    def _coming(self, step: int) -> Path:
        return self.folder / f".{step:08d}{COMING}"

    @contextmanager
    def _writing(self, step: int) -> Iterator[None]:
        """Within, an OSError becomes a CheckpointError."""
        try:
            yield
        except OSError as error:
            raise CheckpointError(
                f"cannot write the checkpoint {self._target(step)}: {error.strerror or error}"
            ) from error

    def tidy(self) -> None:
        """Remove what a writing or a removal that was cut short has left."""
        for end in (COMING, GOING):
            for left in self.folder.glob(f".*{end}"):
                shutil.rmtree(left, ignore_errors=True)

    def folders(self) -> list[Path]:
        """The checkpoint folders, oldest first, verified or not; what stands in the place of one counts."""
        found = self.folder.iterdir() if self.folder.is_dir() else iter(())
        return sorted((p for p in found if re.fullmatch("[0-9]{8,}", p.name)), key=lambda p: int(p.name))

    def changed(self) -> int:
        """When a checkpoint last came or went, in nanoseconds; 0 where there is no folder."""
        try:
            return self.folder.stat().st_mtime_ns
        except OSError:
            return 0

    def at(self, step: int) -> dict[str, Any]:
        """The state of one step. Raises CheckpointError where it is not kept, or damaged."""
        path = self._target(step)
        if not path.exists():
            kept = ", ".join(str(int(folder.name)) for folder in self.folders())
            raise CheckpointError(f"no checkpoint of step {step} is in {self.folder}; kept: {kept or 'none'}")
        return read(path)

    def newest(self, load: Callable[[dict[str, Any]], None] = lambda state: None) -> tuple[dict[str, Any], list[str]]:
        """The newest state that verifies and loads, and a sentence for each newer checkpoint that does not.

        load: raises CheckpointError for a state that cannot be used. Raises CheckpointError where none can.
        """
        skipped: list[str] = []
        for path in reversed(self.folders()):
            try:
                state = read(path)
            except CheckpointError as error:
                skipped.append(printable(str(error)))
                continue
            try:
                load(state)
            except CheckpointError as error:
                skipped.append(printable(f"checkpoint {path} cannot be used: {error}"))
            else:
                return state, skipped
        raise CheckpointError("\n".join([f"no usable checkpoint in {self.folder}", *skipped]))


def read(path: Path) -> dict[str, Any]:
    """The state in a checkpoint folder, every byte verified. Raises CheckpointError."""
    try:
        if path.is_symlink():
            raise ValueError("it is a link")
        step, digests = _read_manifest(path)
        contents = {name: _content(path / name) for name in digests}
        for name, content in contents.items():
            if sha256(content).hexdigest() != digests[name]:
                raise ValueError(f"{name} is not what was written")
        return _joined(step, contents)
    except OSError as error:
        raise CheckpointError(f"checkpoint {path} is incomplete: {error.strerror}: {error.filename}") from error
    except KeyError as error:
        raise CheckpointError(f"checkpoint {path} is damaged: {brief(error)} is missing") from error
    except MemoryError as error:
        raise CheckpointError(f"checkpoint {path} is larger than the memory") from error
    except (ValueError, TypeError, RecursionError, SafetensorError) as error:
        raise CheckpointError(f"checkpoint {path} is damaged: {brief(error)}") from error


def _joined(step: int, contents: Mapping[str, bytes]) -> dict[str, Any]:
    """The state in the contents of a checkpoint's files."""
    tensors: dict[str, Tensor] = {}
    for name in TENSORS:
        found = safetensors.torch.load(contents[name])
        if twice := tensors.keys() & found.keys():
            raise ValueError(f"two files hold the tensor '{min(twice)}'")
        tensors |= found
    state = join(json.loads(contents[STATE]), tensors)
    if tensors:
        raise ValueError(f"{STATE} has no place for the tensor '{min(tensors)}'")
    if not isinstance(state, dict) or type(state["step"]) is not int or state["step"] != step:
        raise ValueError(f"{STATE} is of another step than {MANIFEST}")
    return state


def _content(path: Path) -> bytes:
    """A file's bytes. What is no file of the folder's own is not opened: a pipe would wait for ever."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise ValueError(f"{path.name} is not a file")
    return path.read_bytes()


def _manifest(step: int, digests: Mapping[str, str]) -> bytes:
    """The manifest verifies itself too: its own digest is over everything else in it."""
    content = {"format": FORMAT, "step": step, "files": dict(digests)}
    digest = sha256(json.dumps(content).encode()).hexdigest()
    return json.dumps({**content, "digest": digest}).encode()


def _read_manifest(path: Path) -> tuple[int, dict[str, str]]:
    """The step, and the digest of each of the files, which are always the same."""
    raw = _content(path / MANIFEST)
    content = json.loads(raw)
    if content["format"] != FORMAT:
        raise CheckpointError(f"checkpoint {path} has format {content['format']}; this ganreg reads {FORMAT}")
    step, digests = content["step"], content["files"]
    if _manifest(step, digests) != raw or path.name != f"{step:08d}" or sorted(digests) != FILES:
        raise ValueError(f"{MANIFEST} is not what was written")
    return step, digests


def _remove(path: Path) -> None:
    """Remove what stands at a checkpoint's place, be it no folder.

    It loses its name first, in one piece: what a disk that fails in the midst leaves of it looks like no checkpoint.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path.rename(path.with_name(f".{path.name}{GOING}")), ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
