"""A step of ganreg's, to be timed beside a bare loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ganreg
from ganreg.engine.clock import Clock
from ganreg.registry import Registry
from tests.benchmarks.cases import PARTS


def step_of(spec: Mapping[str, Any], say: Callable[[str], None] = lambda sentence: None) -> Callable[[], None]:
    """A function that does one step of a spec, and now and then its log."""
    run = ganreg.compose(registry=Registry.discover(files=[PARTS]), **spec)
    training = run.assemble(say=say)
    clock, every = Clock(training.match, 0), run.spec.output.log_every

    def step() -> None:
        training.match.step()
        if training.match.step_index % every == 0:
            training.log(clock)

    return step
