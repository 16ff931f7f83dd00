"""What a check is, how one fails, and the table of all checks. No torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any
from unittest import SkipTest

from ganreg.components import KINDS

PLUGIN = "plugin"
"""What is checked of a plugin as a whole stands beside the kinds of component."""


class Failure(AssertionError):  # noqa: N818 - no error of the program, but what it is for
    """A component does not keep its contract. `remedy` is one line that says how to mend it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(f"{message}\n  help: {remedy}" if remedy else message)


class Skip(SkipTest):
    """It cannot be told here whether the component keeps its contract; says why. pytest knows it as a skip."""


@dataclass(frozen=True)
class Check:
    """One promise of some kinds, and the function that tries it.

    summary: what is promised, in one line. remedy: how it is usually mended. needs: checks of the same component
    without which this one would only repeat their failure. first: whether it is the first to run the component's code,
    so that of an error there the remedy knows nothing.
    """

    name: str
    kinds: tuple[str, ...]
    summary: str
    remedy: str
    needs: tuple[str, ...]
    first: bool
    function: Callable[[Any], None]


CHECKS: list[Check] = []
"""Every check, in the order in which they run. `ganreg.testing.checks` fills it."""


def check(
    *kinds: str, remedy: str, needs: tuple[str, ...] = ("constructs",), first: bool = False
) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Add a function of a subject to the table, under its own name with dashes; its docstring is the summary.

    kinds: those that it is for, all kinds of component where none is given. The function returns where the promise
    is kept, and raises Failure, Skip, or whatever the component raises.
    """

    def add(function: Callable[[Any], None]) -> Callable[[Any], None]:
        name = function.__name__.strip("_").replace("_", "-")
        summary = " ".join(cleandoc(function.__doc__ or "").split())
        CHECKS.append(Check(name, kinds or tuple(KINDS), summary, remedy, needs, first, function))
        return function

    return add


def of_kind(kind: str) -> list[Check]:
    """The checks of one kind."""
    return [check for check in CHECKS if kind in check.kinds]
