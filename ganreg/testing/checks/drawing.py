"""Numbers that a part draws for pictures: whose they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from unittest.mock import patch

from ganreg.engine.streams import Stream
from ganreg.testing import arena
from ganreg.testing.check import Failure, check
from ganreg.testing.suite import Subject

COUNTS = (11, 13)
"""Pictures in a batch, that hardly anything else is so many of; twice, as a constant may be one of the two."""

Size = tuple[int | str, ...]


@check(
    *("penalty", "augmentation", "game"),
    needs=("repeats",),
    remedy="let the pictures' count be the first size: random.normal(len(images), 3), not (3, len(images))",
)
def rows(subject: Subject) -> None:
    """Numbers of pictures that it draws have these for their first size, by which each process is given its own."""
    one, other = (_misplaced(subject, count) for count in COUNTS)
    for size in one & other:
        shown = ", ".join(map(str, size))
        raise Failure(
            f"of N pictures it draws ({shown}) numbers: of several processes none would have those of its own"
        )


def _misplaced(subject: Subject, count: int) -> set[Size]:
    """The sizes in which so many pictures stand, and not first: "N" in their place."""
    match = arena.match(subject, size=count)
    with _drawn() as sizes, suppress(Exception):  # that it plays with four at a time is told already
        match.step()
    return {
        tuple("N" if number == count else number for number in size)
        for size in sizes
        if count in size[1:] and size[0] != count
    }


@contextmanager
def _drawn() -> Iterator[list[tuple[int, ...]]]:
    """The sizes of the numbers that streams give inside."""
    sizes: list[tuple[int, ...]] = []
    original = Stream._rows_of

    def rows_of(stream: Stream, draw: Any, size: tuple[int, ...]) -> Any:
        sizes.append(size)
        return original(stream, draw, size)

    with patch.object(Stream, "_rows_of", rows_of):
        yield sizes
