"""One mapping laid over another, and settings of the command line laid over both.

Mappings merge key by key; anything else replaces what was there. `dcgan` is the same as `{name: dcgan}`, so a mapping
laid over a text adds parameters to it; a mapping with another name is another component and replaces the whole.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ganreg.errors import Mistake, Position, SpecError, SpecPath
from ganreg.spec.node import MAX_DEPTH, Node, Text, describe

Steps = list[tuple[str, Position]]


def merge(base: Node, over: Node) -> Node:
    """A mapping laid over a mapping. What came from `over` keeps its places there."""
    entries = dict(base.content)
    for key, value in over.content.items():
        entries[key] = _lay(entries[key], value) if key in entries else value
    return Node(entries, base.position or over.position, base.key or over.key)


def assign(root: Node, option: str, flag: str) -> Node:
    """The root with one setting, `train.steps=200`. Raises SpecError that points into the option."""
    from ganreg.spec.reader import parse_value

    text = Text(flag, option)
    path, equals, _ = option.partition("=")
    if not equals:
        message = "a setting is written as 'path=value', such as 'train.steps=200'"
        raise SpecError([Mistake(message, position=text.position(len(option)))])
    steps = _steps(text, path)
    return _set(root, steps, parse_value(text, len(path) + 1), ())


def put(root: Node, path: tuple[str, ...], written: str, flag: str) -> Node:
    """The root with the value of a flag that has a path of its own, as `--loss hinge` has. Raises SpecError."""
    from ganreg.spec.reader import parse_value

    text = Text(flag, written)
    return _set(root, [(key, text.position(0)) for key in path], parse_value(text, 0), ())


def _lay(base: Node, over: Node) -> Node:
    """A value of any sort laid over another."""
    if not isinstance(over.content, dict):
        return over
    base = _named(base)
    if not isinstance(base.content, dict) or _replaces(base, over.content.get("name")):
        return over
    return merge(base, over)


def _named(node: Node) -> Node:
    """A text as the mapping that it is short for."""
    if isinstance(node.content, str):
        return replace(node, content={"name": Node(node.content, node.position)})
    return node


def _replaces(base: Node, name: Node | None) -> bool:
    """Whether a name makes another component of a mapping."""
    present = base.content.get("name")
    return name is not None and present is not None and bool(present.content != name.content)


def _steps(text: Text, path: str) -> Steps:
    """The parts of a dotted path with their places."""
    steps: Steps = []
    start = 0
    for part in path.split("."):
        position = text.position(start + len(part) - len(part.lstrip()))
        if not part.strip():
            raise SpecError([Mistake("a part of this path is empty", position=position)])
        steps.append((part.strip(), position))
        start += len(part) + 1
    if len(steps) > MAX_DEPTH:
        raise SpecError([Mistake(f"a path has no more than {MAX_DEPTH} parts", position=steps[MAX_DEPTH][1])])
    if steps[0][0] == "extends":
        raise SpecError([Mistake("'extends' is for files only", position=steps[0][1])])
    return steps


def _set(node: Node | None, steps: Steps, value: Node, walked: SpecPath) -> Node:
    """A node with a value set at the end of some steps; None is a node that is not there yet."""
    if not steps:
        return _lay(node, value) if node else value
    (part, position), rest = steps[0], steps[1:]
    node = _named(node) if node else Node(None, position)
    if isinstance(node.content, list):
        index = _index(node.content, part, position, walked)
        items = list(node.content)
        items[index] = _set(items[index], rest, value, (*walked, index))
        return replace(node, content=items)
    if not isinstance(node.content, dict | None):
        message = f"{_dotted(walked)} is {describe(node.content)}, which has no '{part}'"
        raise SpecError([Mistake(message, (*walked, part), position, related=_written(node))])
    entries: dict[str, Node] = node.content or {}
    new = _set(entries.get(part), rest, value, (*walked, part))
    new = replace(new, key=new.key or position)
    if part == "name" and walked and _replaces(Node(entries), new):
        entries = {}
    return replace(node, content={**entries, part: new})


def _index(items: list[Node], part: str, position: Position, walked: SpecPath) -> int:
    if part.isascii() and part.isdecimal() and len(part) < 10 and int(part) < len(items):
        return int(part)
    holds = f"its items are 0 to {len(items) - 1}" if items else "it is empty"
    raise SpecError([Mistake(f"{_dotted(walked)} is a list: {holds}", (*walked, part), position)])


def _dotted(walked: SpecPath) -> str:
    return f"'{'.'.join(map(str, walked))}'"


def _written(node: Node) -> list[tuple[str, Any]]:
    return [("it is written here", node.position)] if node.position else []
