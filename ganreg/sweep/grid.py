"""The cells of a sweep: every combination of the values of its axes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import product
from math import prod

from ganreg.errors import Mistake, SpecError
from ganreg.spec.node import Text

FLAG = "--axis"
MOST = 10_000
"""Cells of a sweep."""
RANGE = re.compile(r"(-?\d{1,18})\.\.(-?\d{1,18})")
LONGEST = 120
"""Bytes of a folder's name, of which file systems take 255; a cell's log has it with an ending."""


@dataclass(frozen=True)
class Axis:
    """A path in the spec and the values that it takes, as they were written."""

    path: str
    values: tuple[str, ...]

    @classmethod
    def read(cls, option: str) -> Axis:
        """`loss=hinge,fisher`, `seed=0..2` or `loss=[hinge, {name: fisher, rho: 1e-5}]`.

        Raises SpecError with the column in the option.
        """
        text = Text(FLAG, option)
        path, equals, written = option.partition("=")
        if not equals or not path.strip():
            message = "an axis is written as 'path=values', such as 'loss=hinge,minimax' or 'seed=0..2'"
            raise SpecError([Mistake(message, position=text.position(0 if equals else len(option)))])
        if path.strip() == "output.folder":
            raise SpecError([Mistake("each cell has a folder of its own already", position=text.position(0))])
        values = tuple(value for piece in _values(written) for value in _expanded(piece))
        if not values or not all(values):
            raise SpecError([Mistake("a value is missing here", position=text.position(len(path) + 1))])
        if twice := next((value for value in values if values.count(value) > 1), None):
            raise SpecError([Mistake(f"'{twice}' stands here twice", position=text.position(len(path) + 1))])
        return cls(path.strip(), values)


@dataclass(frozen=True)
class Cell:
    """One combination. name: what its folder is called. settings: values as they were written, by path."""

    name: str
    settings: Mapping[str, str]

    @property
    def options(self) -> list[str]:
        """The settings as `--set` takes them: what goes into a part behind the part, which would replace it."""
        return [f"{path}={self.settings[path]}" for path in sorted(self.settings, key=lambda path: path.count("."))]


def cells(axes: Sequence[Axis], earlier: Sequence[Cell] = ()) -> list[Cell]:
    """Every combination, the last axis fastest. Raises SpecError for a path that comes twice, or too many cells.

    earlier: those that have folders already, which they keep, whatever values have come or gone.
    """
    paths = [axis.path for axis in axes]
    if twice := next((path for path in paths if paths.count(path) > 1), None):
        raise SpecError([Mistake(f"{FLAG} {twice} is given twice: one axis takes all its values")])
    if prod(len(axis.values) for axis in axes) > MOST:
        raise SpecError([Mistake(f"these axes have more than {MOST:,} cells, the most that a sweep takes")])
    found = [dict(zip(paths, values, strict=True)) for values in product(*(axis.values for axis in axes))]
    names = list(map(_name, found))
    kept = {_key(cell.settings): cell.name for cell in earlier}
    shared = {name for name, times in Counter(names).items() if times > 1} | set(kept.values())
    return [
        # Values may differ in what a folder's name cannot show.
        Cell(kept.get(_key(settings)) or (f"{name}-{_hash(str(settings))}" if name in shared else name), settings)
        for name, settings in zip(names, found, strict=True)
    ]


def _key(settings: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(settings.items())


def _values(written: str) -> list[str]:
    """The values of an axis; those of a single list are its items."""
    values = _parted(written)
    alone = values[0] if len(values) == 1 else ""
    return _parted(alone[1:-1]) if alone.startswith("[") and alone.endswith("]") and alone != "[]" else values


def _parted(written: str) -> list[str]:
    """What stands between the commas that are in no bracket and no quote."""
    pieces, depth, quote, start = list[str](), 0, "", 0
    for index, letter in enumerate(written):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "[{":
            depth += 1
        elif letter in "]}":
            depth -= 1
        elif letter == "," and depth == 0:
            pieces.append(written[start:index].strip())
            start = index + 1
    return [*pieces, written[start:].strip()]


def _expanded(piece: str) -> Iterator[str]:
    found = RANGE.fullmatch(piece)
    if not found:
        yield piece
        return
    first, last = map(int, found.groups())
    numbers = [str(number) for number in range(first, min(last, first + MOST) + 1)]
    yield from numbers or [""]  # a range that goes down has none, whatever stands beside it


def _name(settings: Mapping[str, str]) -> str:
    """loss=hinge,seed=0: safe in a path, and the same for the same settings."""
    words = (f"{path}={re.sub(r'^name-', '', _safe(value))}" for path, value in settings.items())
    name = ",".join(words)
    found = name.encode(errors="replace")
    return name if len(found) <= LONGEST else f"{found[: LONGEST - 9].decode(errors='ignore')}-{_hash(name)}"


def _hash(text: str) -> str:
    return sha256(text.encode(errors="replace")).hexdigest()[:8]


def _safe(value: str) -> str:
    """The value without what a path does not take; signs and points stay, for .5 is not 5."""
    return "-".join(re.findall(r"[\w.+-]+", value)).rstrip(".") or "none"
