"""YAML 1.2 text to nodes: the core schema without tags and merge keys, within limits, each mistake in one clear line.

The parser's events are taken one at a time and become nodes at once, so that a hostile text is refused at the event
that breaks a limit, whatever follows it. An alias is the anchored node itself: nothing is expanded while reading.
Importing this module imports ruamel.yaml (some 30 ms): do it where a spec is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from ganreg.errors import Mistake, Position, SpecError
from ganreg.spec.node import MAX_DEPTH, Node, Text, describe
from ganreg.spec.syntax import UNFIT, check_characters, events, unfit

MAX_NODES = 10_000  # keys and values, each alias counted as all that it stands for
MAX_ALIASES = 100
MAX_MISTAKES = 20  # more help nobody

NULLS = frozenset(("", "~", "null", "Null", "NULL"))
BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
UNBOUNDED = re.compile(r"([-+]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def parse(text: Text) -> Node:
    """The mapping that a text holds. Raises SpecError with all mistakes up to the first that ends the reading."""
    check_characters(text)
    root = _Composer(text).compose()
    if root is None:
        raise SpecError([Mistake("there is nothing in this file", position=text.position(0))])
    if not isinstance(root.content, dict):
        message = f"a spec is a mapping, lines of 'key: value', not {describe(root.content)}"
        raise SpecError([Mistake(message, position=root.position)])
    return root


def parse_value(text: Text, start: int) -> Node:
    """The value that stands from `start` to the end of a text: quoted, in flow style, or one plain scalar.

    A plain scalar reaches to the end, so `#` and `: ` are part of it. Raises SpecError.
    """
    check_characters(text)
    written = text.content[start:]
    position = text.position(start + len(written) - len(written.lstrip()))
    if written.lstrip()[:1] in ("[", "{", '"', "'"):
        return _Composer(text, start).compose() or Node(None, position)
    return Node(resolve(written.strip()), position)


def resolve(plain: str) -> str | int | float | bool | None:
    """A plain scalar by the core schema of YAML 1.2. What does not fit into 64 bits is for validation to refuse."""
    if plain in NULLS:
        return None
    if plain in BOOLS:
        return BOOLS[plain]
    if INTEGER.fullmatch(plain):
        base = {"0o": 8, "0x": 16}.get(plain[:2], 10)
        return int(plain, base) if len(plain) < 1000 else 2**64  # Python makes no number of any length
    if FLOAT.fullmatch(plain):
        return float(plain)
    if found := UNBOUNDED.fullmatch(plain):
        return float(f"{found[1]}inf" if found[1] is not None else "nan")
    return plain


@dataclass(frozen=True, slots=True)
class _Anchored:
    node: Node
    size: int  # nodes in it, itself included, aliases expanded
    height: int  # mappings and lists inside each other in it, aliases expanded


class _Composer:
    """One reading of one text."""

    def __init__(self, text: Text, start: int = 0) -> None:
        self.text = text
        self.start = start
        self.events = events(text, start)
        self.mistakes: list[Mistake] = []
        self.path: list[str | int] = []
        self.anchors: dict[str, _Anchored | None] = {}  # None while the node is being read
        self.nodes = self.aliases = 0
        self.deepest = 0  # the deepest level reached since the innermost open anchor

    def compose(self) -> Node | None:
        """The root; None where there is nothing."""
        try:
            root = self.document()
        except SpecError as error:
            self.mistakes += error.mistakes
        if self.mistakes:
            raise SpecError(sorted(self.mistakes, key=lambda mistake: mistake.place))
        return root

    def document(self) -> Node | None:
        self.expect(StreamStartEvent)
        event = next(self.events)
        if isinstance(event, StreamEndEvent):
            return None
        if event.version is not None and str(event.version) not in ("1.2", "(1, 2)"):
            self.stop("a spec is YAML 1.2: leave this directive out", 0)
        event = next(self.events)
        empty = _empty(event)
        root = self.node(event, 0)
        self.expect(DocumentEndEvent)
        event = next(self.events)
        if isinstance(event, DocumentStartEvent):
            self.stop("a second document begins here: a spec is one", self.index(event))
        return None if empty else root

    def node(self, event: Any, depth: int) -> Node:
        """The node that begins with an event, inside `depth` mappings and lists."""
        self.count(1, event)
        if isinstance(event, AliasEvent):
            return self.alias(event, depth)
        if event.tag is not None:
            self.mistake("a spec has no tags: put a value that begins with '!' in quotes", event)
        if event.anchor is None:
            return self.value(event, depth)
        self.anchors[event.anchor] = None
        before, outer, self.deepest = self.nodes - 1, self.deepest, depth
        node = self.value(event, depth)
        self.anchors[event.anchor] = _Anchored(node, self.nodes - before, self.deepest - depth)
        self.deepest = max(outer, self.deepest)
        return node

    def value(self, event: Any, depth: int) -> Node:
        if isinstance(event, ScalarEvent):
            return Node(self.scalar(event), self.position(event))
        self.enter(depth + 1, event)
        if isinstance(event, MappingStartEvent):
            return Node(self.mapping(depth + 1), self.position(event))
        assert isinstance(event, SequenceStartEvent)
        return Node(self.sequence(depth + 1), self.position(event))

    def alias(self, event: Any, depth: int) -> Node:
        """The anchored node, standing where the alias stands; what is inside it keeps its own places."""
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            self.stop(f"more than {MAX_ALIASES} aliases", self.index(event))
        if event.anchor not in self.anchors:
            self.mistake(f"no anchor '&{event.anchor}' stands above this alias", event)
            return Node(None, self.position(event))
        anchored = self.anchors[event.anchor]
        if anchored is None:
            self.mistake(f"'*{event.anchor}' stands inside what it stands for", event)
            return Node(None, self.position(event))
        self.count(anchored.size - 1, event)
        self.enter(depth + anchored.height, event)
        return replace(anchored.node, position=self.position(event))

    def sequence(self, depth: int) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := next(self.events), SequenceEndEvent):
            self.path.append(len(items))
            items.append(self.node(event, depth))
            self.path.pop()
        return items

    def mapping(self, depth: int) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        while not isinstance(event := next(self.events), MappingEndEvent):
            key = self.key(event, depth)
            self.path.append("?" if key is None else key)
            given = next(self.events)
            value = replace(self.node(given, depth), key=self.position(event))
            if _empty(given):
                value = replace(value, position=self.behind(event))
            if key in entries:
                first = entries[key].key
                self.mistake(f"the key '{key}' is given twice", event, [("it is first given here", first)])
            elif key is not None:
                entries[key] = value
            self.path.pop()
        return entries

    def key(self, event: Any, depth: int) -> str | None:
        content = self.node(event, depth).content
        if content == "<<" and isinstance(event, ScalarEvent) and event.style is None:
            self.mistake("a spec has no merge keys: write the keys out, or use 'extends'", event)
            return None
        if isinstance(content, str):
            return content
        cure = "" if isinstance(content, dict | list) else ": put it in quotes"
        self.mistake(f"a key is text, not {describe(content)}{cure}", event)
        return None

    def scalar(self, event: Any) -> str | int | float | bool | None:
        if found := UNFIT.search(event.value):
            self.mistake(unfit(found), event)
        if event.style is not None:
            return str(event.value)
        return resolve(event.value)

    def count(self, nodes: int, event: Any) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            self.stop(f"more than {MAX_NODES:,} keys and values", self.index(event))

    def enter(self, depth: int, event: Any) -> None:
        self.deepest = max(self.deepest, depth)
        if depth > MAX_DEPTH:
            self.stop(f"more than {MAX_DEPTH} mappings and lists inside each other", self.index(event))

    def expect(self, kind: type) -> None:
        event = next(self.events)
        assert isinstance(event, kind), event

    def index(self, event: Any) -> int:
        return int(self.start + event.start_mark.index)

    def position(self, event: Any) -> Position:
        return self.text.position(self.index(event))

    def behind(self, key: Any) -> Position:
        """Behind the colon of a key: a value that is left out stands on the next line, if one asks the parser."""
        end = int(self.start + key.end_mark.index)
        return self.text.position(self.text.content.find(":", end) + 1 or end)

    def mistake(self, message: str, event: Any, related: list[tuple[str, Position | None]] | None = None) -> None:
        """Note a mistake and read on."""
        self.mistakes.append(Mistake(message, tuple(self.path), self.position(event), related=related or ()))
        if len(self.mistakes) == MAX_MISTAKES:
            raise SpecError([])

    def stop(self, message: str, index: int) -> NoReturn:
        raise SpecError([Mistake(message, tuple(self.path), self.text.position(index))])


def _empty(event: Any) -> bool:
    return isinstance(event, ScalarEvent) and event.value == "" and event.style is None
