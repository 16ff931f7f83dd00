"""Measure ganreg beside a bare loop: `make bench`, or `python -m tests.benchmarks --case mlp --json speed.json`.

ganreg trains as it always does; every few steps it is stopped, and the others do as many steps of the same case. So all
of them meet the same moods of the machine. Figures are medians over rounds, and ratios medians of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

import ganreg
from ganreg.registry import Registry
from tests.benchmarks import alone
from tests.benchmarks.bare import loop_of
from tests.benchmarks.cases import CASES, PARTS, spec_of, told_the_same
from tests.benchmarks.floor import matrix_work
from tests.benchmarks.ours import step_of
from tests.benchmarks.timing import machine, milliseconds, now, ratio, steps_of, timed


class Enough(Exception):
    """All rounds are done."""


def measure(name: str, rounds: int, **train: Any) -> dict[str, Any]:
    """Seconds per step of each loop, in rounds."""
    with tempfile.TemporaryDirectory() as folder:
        spec = spec_of(name, f"{folder}/run", **train)
        registry = Registry.discover(files=[PARTS])
        run = ganreg.compose(registry=registry, **spec)
        others = dict(competitors(run, spec))
        took: dict[str, list[float]] = {name: [] for name in ("ganreg", *others)}
        steps = steps_of(others["bare"])
        began = now()

        def tick(step: int) -> None:
            nonlocal began
            if step % steps:
                return
            took["ganreg"].append((now() - began) / steps)
            for other, work in others.items():
                took[other].append(timed(work, steps))
            if len(took["ganreg"]) > rounds:
                raise Enough
            began = now()

        with suppress(Enough):
            run.train(tick=tick)
    return summary({loop: seconds[1:] for loop, seconds in took.items()}, steps)


def competitors(run: ganreg.api.Run, spec: dict[str, Any]) -> Iterator[tuple[str, Callable[[], None]]]:
    """The bare loop as one writes it, the same with the optimizer that ganreg takes, and the matrix work."""
    device = torch.device(spec["train"]["device"])
    yield "bare", loop_of(run, spec, device)
    yield "bare, fused", loop_of(run, spec, device, fused=True)
    yield "the same work", step_of(told_the_same(spec))
    plain = {**spec, "train": {**spec["train"], "compile": False}}  # compiled layers cannot be watched
    match = ganreg.compose(registry=run.registry, **plain).assemble().match
    yield "matrix work", matrix_work(dict(match.networks), match.step)


def summary(took: dict[str, list[float]], steps: int) -> dict[str, Any]:
    """Medians in milliseconds, and ganreg's ratio to each of the others with its quartiles."""
    ratios = {
        other: ratio(took["ganreg"], seconds)
        for other, seconds in took.items()
        if other not in ("ganreg", "the same work")
    }
    ratios["the same work"] = ratio(took["the same work"], took["bare, fused"])
    return {
        "milliseconds": {name: milliseconds(seconds) for name, seconds in took.items()},
        "ratio": ratios,
        "rounds": len(took["ganreg"]),
        "steps": steps,
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", choices=CASES, help="may be repeated; all of them by default")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0 for all cores")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a key of the spec's `train`")
    parser.add_argument("--alone", action="store_true", help="measure processes of their own and no more")
    parser.add_argument("--json", metavar="FILE", help="where the figures go")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    train = {key: json.loads(value) for key, _, value in (setting.partition("=") for setting in options.set)}
    cases = {}
    for name in options.case or CASES:
        cases[name] = {} if options.alone else measure(name, options.rounds, **train)
        cases[name]["alone"] = alone.measure(name, options.rounds, **train)
        print(row(name, cases[name]), flush=True)
    found = {"command": "python -m tests.benchmarks " + " ".join(sys.argv[1:]), **machine(), "cases": cases}
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=2) + "\n")


def row(name: str, found: dict[str, Any]) -> str:
    """A case on one line."""
    times = [f"{loop} {ms:.1f} ms" for loop, ms in found.get("milliseconds", {}).items()]
    ratios = [f"/ {other} {spread(ratio)}" for other, ratio in found.get("ratio", {}).items()]
    return f"{name:12} {'  '.join(times + ratios)}  alone {spread(found['alone']['ratio'])}"


def spread(ratio: list[float]) -> str:
    """A ratio between its quartiles."""
    return "–".join(f"{value:.2f}" for value in ratio)


if __name__ == "__main__":
    main()
