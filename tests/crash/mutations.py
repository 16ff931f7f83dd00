"""Mutations of texts, of nested plain data and of bytes, with values that programs stumble over."""

from __future__ import annotations

import json
import random
from typing import Any

HOSTILE: list[Any] = [
    *(None, True, False, 0, -1, 1, 2, 0.0, -0.0, 1e-320, 1e308, -1e308, float("nan"), float("inf"), float("-inf")),
    *(2**31, 2**53, 2**62, 2**63 - 1, 2**64 - 1, -(2**63), 10**9, 10**18),
    *("", " ", "name", "null", "../../etc/passwd", "/etc/passwd", "..\\..\\x", "C:\\x", "~", "file:///etc/passwd"),
    *("x" * 10_000, "\u202eabc", "a b", "a\tb", "é" * 300, "\U0001f600", "os.system", "$tensor", "%s%n", "{x!r}"),
    *([], {}, [[]], {"name": None}, {"name": []}, {"name": "x", "y": 1}, [None], [0] * 100, {"": ""}),
]
"""Values that YAML and JSON can hold."""
NOISE = "\x00\x1b\x07\x7f\x85\u2028\ufeff\ufffe\t\r\n\"'`[]{}:,-?!&*#|>@%\\<~=."


def nested(levels: int) -> Any:
    """A list inside lists."""
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


def mutate_data(data: Any, luck: random.Random, hostile: list[Any] = HOSTILE) -> Any:
    """A copy of nested plain data with one value replaced, removed, doubled, moved or of another type."""
    copy = json.loads(json.dumps(data))
    places = list(_places(copy))
    if not places:
        return luck.choice(hostile)
    holder, key = luck.choice(places)
    match luck.randrange(8):
        case 0:
            del holder[key]
        case 1:
            holder[key] = _retyped(holder[key], luck)
        case 2:
            other, its_key = luck.choice(places)
            holder[key] = json.loads(json.dumps(other[its_key]))
        case 3 if isinstance(holder, dict):
            holder[luck.choice([str(key) + "x", str(key).upper(), *(h for h in hostile if isinstance(h, str))])] = (
                holder.pop(key)
            )
        case 3 | 4 if isinstance(holder, list):
            holder.insert(key, holder[key])
        case 5:
            holder[key] = nested(luck.choice([3, 30, 40, 100]))
        case _:
            holder[key] = luck.choice(hostile)
    return copy


def mutate_text(text: str, luck: random.Random) -> str:
    """A text with characters or whole lines changed."""
    lines = text.splitlines(keepends=True) or [""]
    at = luck.randrange(len(text) + 1)
    match luck.randrange(7):
        case 0:
            return text[:at] + luck.choice(NOISE) + text[at:]
        case 1:
            return text[:at] + text[at + luck.choice([1, 1, 1, 5, 50]) :]
        case 2:
            return text[:at] + luck.choice(NOISE) + text[at + 1 :]
        case 3:
            return text[:at]
        case 4:
            lines.insert(luck.randrange(len(lines) + 1), luck.choice(lines))
        case 5:
            luck.shuffle(lines)
        case _:
            number = luck.randrange(len(lines))
            lines[number] = " " * luck.choice([1, 2, 7]) + lines[number]
    return "".join(lines)


def mutate_bytes(content: bytes, luck: random.Random) -> bytes:
    """Bytes that are flipped, cut off, zeroed, doubled or anything at all."""
    changed = bytearray(content)
    at = luck.randrange(len(changed)) if changed else 0
    match luck.randrange(5):
        case 0 if changed:
            changed[at] ^= 1 << luck.randrange(8)
        case 1:
            del changed[at:]
        case 2 if changed:
            size = min(luck.choice([1, 8, 512]), len(changed) - at)
            changed[at : at + size] = bytes(size)
        case 3:
            changed[at:at] = changed[at : at + 64]
        case _:
            changed[at : at + 8] = luck.randbytes(8)
    return bytes(changed)


def _places(value: Any) -> Any:
    """Every holder and key in nested data."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(items):
        yield value, key
        yield from _places(item)


def _retyped(value: Any, luck: random.Random) -> Any:
    return luck.choice([str(value), [value], {"name": value}, {"x": value}, bool(value), None])
