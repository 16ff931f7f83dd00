"""The benchmarks still run: a step of each loop that they compare, and the way to the first step. No time is judged."""

from pathlib import Path

import pytest
import torch

import ganreg
from ganreg.registry import Registry
from tests.benchmarks.__main__ import competitors
from tests.benchmarks.cases import CASES, PARTS, spec_of
from tests.benchmarks.start import DEMO, first_step


@pytest.mark.parametrize("case", CASES)
@pytest.mark.needs("ganreg-classic")
def test_each_loop_of_a_case_does_a_step(case: str, tmp_path: Path) -> None:
    spec = spec_of(case, str(tmp_path / "run"), batch_size=4)
    run = ganreg.compose(registry=Registry.discover(files=[PARTS]), **spec)
    with torch.random.fork_rng():
        loops = dict(competitors(run, spec))
        for step in loops.values():
            step()
    assert loops.keys() == {"bare", "bare, fused", "the same work", "matrix work"}


@pytest.mark.needs("ganreg-classic", "ganreg-datasets")
def test_the_way_to_the_first_step_is_the_runs_own() -> None:
    found = first_step(DEMO, rounds=1)
    assert len(found["stages"]) == 10
    assert found["peak"] > 0
