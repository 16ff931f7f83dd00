"""Document: what a user wrote, from a file, the command line or Python, with the place of every key and value.

    document = read("spec.yaml").merge(from_mapping({"seed": 1})).override(["train.steps=200"])
    document.data                      # plain Python
    document.locate(("train", "steps"))  # --set:1:13

Files are YAML 1.2: the core schema with no tags and no merge keys. `extends: other.yaml` lays a file over another.
"""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from ganreg.errors import Mistake, Position, SpecError, SpecPath, printable
from ganreg.spec import merge
from ganreg.spec.node import MAX_DEPTH, Node, Text, describe

MAX_BYTES = 2**19  # in one file
MAX_FILES = 16  # that extend each other


@dataclass(frozen=True)
class Document:
    """A mapping with the places where it was written. It never changes: the methods make new documents."""

    root: Node

    @cached_property
    def data(self) -> dict[str, Any]:
        """Plain str, int, float, bool, None, list and dict; and whatever objects a mapping from Python held."""
        plain: dict[str, Any] = self.root.plain()
        return plain

    def locate(self, path: Iterable[str | int], *, key: bool = False) -> Position | None:
        """Where the value at a path was written, or the deepest value along the path that there is.

        With `key`, where its key was written; list items and the root have none and give the value. None where the
        value came from Python.
        """
        node = self.root
        for part in path:
            child = node.child(part)
            if child is None:
                break
            node = child
        return node.key if key and node.key else node.position

    @contextmanager
    def locating(self) -> Iterator[None]:
        """Mistakes that are found within, after validation, get their positions in this document."""
        try:
            yield
        except SpecError as error:
            located = [m if m.position else replace(m, position=self.locate(m.path)) for m in error.mistakes]
            raise SpecError(located) from error.__cause__

    def merge(self, over: Document) -> Document:
        """This document with another laid over it.

        Mappings merge key by key, and anything else replaces what was there. A mapping over a text adds parameters to
        that name (`dcgan` becomes `{name: dcgan, …}`); a mapping with another `name` replaces the whole.
        """
        return Document(merge.merge(self.root, over.root))

    def override(self, options: Iterable[str], flag: str = "--set") -> Document:
        """This document with settings such as `train.steps=200`, in their order.

        Items of lists go by their number from 0: `penalties.0.weight=3`. The value is a YAML scalar or in flow style,
        and is laid over what was there as `merge` does.
        Raises SpecError with the mistakes of all options, each with its column in the option.
        """
        root, mistakes = self.root, list[Mistake]()
        for option in options:
            try:
                root = merge.assign(root, option, flag)
            except SpecError as error:
                mistakes += error.mistakes
        if mistakes:
            raise SpecError(mistakes)
        return Document(root)

    def put(self, path: tuple[str, ...], written: str, flag: str) -> Document:
        """This document with the value of a flag that stands for a path: `put(("loss",), "hinge", "--loss")`.

        Raises SpecError with the column in the value.
        """
        return Document(merge.put(self.root, path, written, flag))


def read(path: str | os.PathLike[str]) -> Document:
    """The document in a file, laid over the file that it `extends`, if any.

    `extends` names one file in the folder of the file that names it, or below. Raises SpecError.
    """
    return Document(_load(Path(path), (), None))


def from_mapping(data: Mapping[str, Any]) -> Document:
    """The document of a mapping from Python. Values may be any objects, such as components, or nodes with their places.

    Raises SpecError.
    """
    return Document(_node(data, ()))


def _node(value: Any, path: SpecPath) -> Node:
    if isinstance(value, Node):
        return value
    if isinstance(value, Mapping | list | tuple) and len(path) >= MAX_DEPTH:
        raise SpecError([Mistake(f"more than {MAX_DEPTH} mappings and lists inside each other", path)])
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise SpecError([Mistake(f"a key is text, not {describe(key)}", path)])
        return Node({key: _node(item, (*path, key)) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return Node([_node(item, (*path, index)) for index, item in enumerate(value)])
    return Node(value)


def _load(path: Path, chain: tuple[Path, ...], named: Position | None) -> Node:
    """The root of a file and of those that it extends; `chain` are those that extend it, `named` is where."""
    chain = (*chain, path)
    if any(_real(path) == _real(earlier) for earlier in chain[:-1]):
        raise SpecError([Mistake(f"these files extend each other: {' → '.join(map(str, chain))}", position=named)])
    if len(chain) > MAX_FILES:
        raise SpecError([Mistake(f"more than {MAX_FILES} files extend each other", position=named)])

    from ganreg.spec.reader import parse

    root = parse(_text(path, named))
    base = root.content.get("extends")
    root = replace(root, content={key: node for key, node in root.content.items() if key != "extends"})
    return merge.merge(_load(_base(path, base), chain, base.position), root) if base else root


def _base(path: Path, named: Node) -> Path:
    """The file that a file extends: in its folder or below, for a spec is data and reaches for nothing else."""
    name = named.content
    if not isinstance(name, str) or not name.strip():
        shown = describe(name) if name else "nothing"
        raise SpecError([Mistake(f"'extends' names a file, not {shown}", ("extends",), named.position)])
    base = path.parent / name
    outside = any(kind(name).anchor or ".." in kind(name).parts for kind in (PurePosixPath, PureWindowsPath))
    if outside or not _real(base).is_relative_to(_real(path.parent)):
        message = f"'{name}' lies outside the folder of this file: 'extends' stays in that folder or below it"
        raise SpecError([Mistake(message, ("extends",), named.position)])
    return base


def _text(path: Path, named: Position | None) -> Text:
    """A file's text, decoded from UTF-8. The user may give a pipe; what a spec extends may not make us wait on one."""
    if named and os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise SpecError([Mistake(f"cannot read {path}: it is not a file", position=named)])
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1).removeprefix(BOM_UTF8)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise SpecError([Mistake(f"cannot read {path}: {reason}", position=named)]) from None
    if len(data) > MAX_BYTES:
        raise SpecError([Mistake(f"{path} is larger than {MAX_BYTES >> 10} KiB", position=named)])
    source = printable(str(path))
    try:
        return Text(source, data.decode())
    except UnicodeDecodeError as error:
        position = Text(source, data.decode(errors="replace")).position(len(data[: error.start].decode()))
        message = f"this byte (0x{data[error.start]:02X}) is not UTF-8: save the file as UTF-8"
        raise SpecError([Mistake(message, position=position)]) from None


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
