"""Counters of a run, and who reads them: what has read one may do something else in each step."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_readers: ContextVar[set[str] | None] = ContextVar("readers", default=None)


class Counter:
    """An attribute that counts up as the run goes on. The engine itself is not noticed as a reader."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name
        self._what = f"{owner.__name__.lower()}.{name}"

    def __get__(self, counted: Any, owner: type) -> int:
        if _readers.get() is not None:
            module = sys._getframe(1).f_globals.get("__name__", "a part")
            if not module.startswith("ganreg.engine."):
                notice(f"{module} reads {self._what}")
        value: int = vars(counted)[self._name]
        return value

    def __set__(self, counted: Any, value: int) -> None:
        vars(counted)[self._name] = value


def notice(sentence: str) -> None:
    """Say of something that it may be otherwise in each step, as if it had read a counter."""
    found = _readers.get()
    if found is not None:
        found.add(sentence)


@contextmanager
def readers() -> Iterator[set[str]]:
    """Who reads a counter within, in words."""
    found: set[str] = set()
    token = _readers.set(found)
    try:
        yield found
    finally:
        _readers.reset(token)
