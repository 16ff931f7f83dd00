"""A step that is played to see whether it goes well, by a match that is thrown away."""

from __future__ import annotations

from collections.abc import Callable

from ganreg.engine.match import Match
from ganreg.rng import untouched
from ganreg.spec.runspec import RunSpec

Again = Callable[[RunSpec], Match]
"""Makes a match of a spec as the run's own is made."""


def failure(again: Again, spec: RunSpec, change: Callable[[Match], None]) -> Exception | None:
    """What the first step of a changed match ends with, which measures nothing; None where it goes well.

    If the change is not to blame, the run itself will fail, and tell.
    """
    with untouched():
        try:
            trial = again(spec.model_copy(update={"metrics": ()}))
            change(trial)
            trial.step()
        except Exception as error:
            return error
    return None
