"""A value of a spec with the place where it was written, and the text in which places are counted."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

from ganreg.errors import Position

MAX_DEPTH = 32  # mappings and lists inside each other
LINE_BREAK = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands.

    content: a dict of str to Node, a list of Node, or a scalar (any object, where it came from Python).
    position: where the value was written; None for values from Python.
    key: where the key that leads to it was written; None for list items, the root, and values from Python.
    """

    content: Any
    position: Position | None = None
    key: Position | None = None

    def child(self, part: str | int) -> Node | None:
        """The node one step down a path."""
        if isinstance(self.content, dict) and isinstance(part, str):
            return self.content.get(part)
        if isinstance(self.content, list) and isinstance(part, int) and 0 <= part < len(self.content):
            item: Node = self.content[part]
            return item
        return None

    def plain(self) -> Any:
        """The value without positions."""
        if isinstance(self.content, dict):
            return {key: node.plain() for key, node in self.content.items()}
        if isinstance(self.content, list):
            return [node.plain() for node in self.content]
        return self.content


class Text:
    """What the user wrote: a file, or one option of the command line."""

    def __init__(self, source: str, content: str) -> None:
        self.source = source
        self.content = content
        self._starts = [0, *(found.end() for found in LINE_BREAK.finditer(content))]
        self._lines: dict[int, str] = {}

    def position(self, index: int) -> Position:
        """The place of a character; the end of the text is shown on its last line that holds something."""
        if index >= len(self.content):
            index = len(self.content.rstrip())
        line = bisect_right(self._starts, index) - 1
        return Position(self.source, line + 1, index - self._starts[line] + 1, self._line(line))

    def _line(self, line: int) -> str:
        """A line's text, one object for all positions in it: a copy for each would let a long line fill the memory."""
        if line not in self._lines:
            end = self._starts[line + 1] if line + 1 < len(self._starts) else None
            self._lines[line] = self.content[self._starts[line] : end].rstrip("\r\n")
        return self._lines[line]


def describe(content: Any) -> str:
    """What a value is, in the words of messages."""
    match content:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case None:
            return "null"
        case bool():
            return str(content).lower()
        case int() | float():
            return f"the number {content}"
        case str():
            return "text"
    return f"an object of type {type(content).__name__}"
