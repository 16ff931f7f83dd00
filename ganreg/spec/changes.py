"""What differs between two specs. Another component is one change, whatever its parameters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum
from typing import Any, Final

from ganreg.errors import SpecPath


class Absent(Enum):
    """Instead of a value where there is none, which null is not."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


@dataclass(frozen=True)
class Change:
    """A value of the one spec against that of the other.

    path: where it stands in the one, or in the other where the one has nothing there. before, after: plain data, or
    ABSENT.
    """

    path: SpecPath
    before: Any
    after: Any


def changes(before: Any, after: Any, path: SpecPath = ()) -> Iterator[Change]:
    """The changes that make one plain value of another, in the order in which they stand there.

    Components in a list are matched by their names, so that one that is added does not change those after it: the
    place of an addition is counted in `after`, all others in `before`. Any other list is one value.
    """
    if _mappings(before, after) and before.get("name") == after.get("name"):
        for key in {**before, **after}:
            yield from _entry(before.get(key, ABSENT), after.get(key, ABSENT), (*path, key))
    elif _components(before) and _components(after):
        yield from _aligned(before, after, path)
    elif _text(before) != _text(after):
        yield Change(path, before, after)


def _entry(before: Any, after: Any, path: SpecPath) -> Iterator[Change]:
    if before is ABSENT or after is ABSENT:
        yield Change(path, before, after)
    else:
        yield from changes(before, after, path)


def _aligned(before: Sequence[Any], after: Sequence[Any], path: SpecPath) -> Iterator[Change]:
    matcher = SequenceMatcher(None, _names(before), _names(after), autojunk=False)
    for _, i, i_end, j, j_end in matcher.get_opcodes():
        both = min(i_end - i, j_end - j)
        for offset in range(both):
            yield from changes(before[i + offset], after[j + offset], (*path, i + offset))
        yield from (Change((*path, index), before[index], ABSENT) for index in range(i + both, i_end))
        yield from (Change((*path, index), ABSENT, after[index]) for index in range(j + both, j_end))


def _names(components: Sequence[Any]) -> list[str]:
    return [component["name"] for component in components]


def _mappings(*values: Any) -> bool:
    return all(isinstance(value, dict) for value in values)


def _components(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, dict) and isinstance(v.get("name"), str) for v in value)


def _text(value: Any) -> str:
    """A value as text: NaN equals itself there, and true is not 1."""
    return json.dumps(value, sort_keys=True)
