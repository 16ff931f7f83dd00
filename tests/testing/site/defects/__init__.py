"""Broken components, each with the one check that is meant to catch it."""

from collections.abc import Callable
from typing import TypeVar

from ganreg.components import Component

Class = TypeVar("Class", bound=type[Component])

DEFECTS: list[tuple[type[Component], str]] = []


def caught_by(check: str) -> Callable[[Class], Class]:
    """Name the check that a broken component is for."""

    def add(component: Class) -> Class:
        DEFECTS.append((component, check))
        return component

    return add


# Importing them fills the list.
from defects import datasets, extractors, losses, networks, parameters, parts, watchers  # noqa: E402, F401
