"""A case by `ganreg run` and by the bare loop, each in a process of its own; they take turns."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

import ganreg
from ganreg.registry import Registry
from tests.benchmarks.bare import loop_of
from tests.benchmarks.cases import CASES, PARTS, spec_of, told_the_same
from tests.benchmarks.fresh import peak
from tests.benchmarks.timing import milliseconds, ratio, steps_of, timed


class Child:
    """A process that says when it is ready, then works whenever it gets a line and says how many seconds a step took.

    told: what it said when it was ready. Its last words are the MiB that it has held at most.
    """

    def __init__(self, words: list[str]) -> None:
        threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
        self._process = subprocess.Popen(
            [sys.executable, "-m", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | threads,
        )
        self.told = self._line()

    def turn(self) -> float:
        """Let it work."""
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._line())

    def end(self) -> float:
        """The MiB that it has held at most, all its work done."""
        said, _ = self._process.communicate()
        return float(said.splitlines()[-1])

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()


def measure(name: str, rounds: int, **train: Any) -> dict[str, Any]:
    """Milliseconds per step of each, the ratios to the bare loop with their quartiles, and all peaks of memory.

    frugal: ganreg with `reuse_fakes: false`. same: ganreg told to do what the bare loop does, to that loop with a fused
    optimizer, which ganreg takes; where no setting of `train` has it do anything else.
    """
    words = ["tests.benchmarks.alone", "--case", name, "--device", train.get("device", "cpu")]
    bare = Child(words)
    steps = int(bare.told)
    with tempfile.TemporaryDirectory() as folder:

        def ours(who: str, change: Callable[[dict[str, Any]], dict[str, Any]] = dict, **more: Any) -> Child:
            spec = change(spec_of(name, f"{folder}/{who}", **train, **more, steps=(rounds + 2) * steps))
            return command(Path(folder) / f"{who}.yaml", spec, steps)

        children = {
            "ganreg": ours("run"),
            "frugal": ours("frugal", reuse_fakes=False),
            "bare": bare,
        }
        if not train:
            children |= {"same": ours("same", told_the_same), "fused": Child([*words, "--fused"])}
        took: dict[str, list[float]] = {who: [] for who in children}
        for _ in range(rounds):
            for who, child in children.items():
                took[who].append(child.turn())
        peaks = {who: child.end() for who, child in children.items()}
    return {
        "milliseconds": {who: milliseconds(seconds) for who, seconds in took.items()},
        "ratio": ratio(took["ganreg"], took["bare"]),
        "frugal": ratio(took["frugal"], took["bare"]),
        "same": None if train else ratio(took["same"], took["fused"]),
        "peak": peaks,
    }


def command(path: Path, spec: Mapping[str, Any], steps: int) -> Child:
    """`ganreg run` of a spec, written down there, which waits for its turns of so many steps."""
    output = {**spec["output"], "log_every": steps}
    path.write_text(json.dumps({**spec, "output": output, "observers": ["turns"]}))
    return Child(["ganreg", "--plugin", str(PARTS), "run", str(path)])


def main() -> None:
    """The bare loop, whose steps are timed by whoever started it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=CASES, required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--fused", action="store_true")
    options = parser.parse_args()
    spec = spec_of(options.case, "runs/never")
    run = ganreg.compose(registry=Registry.discover(files=[PARTS]), **spec)
    work = loop_of(run, spec, torch.device(options.device), fused=options.fused)
    steps = steps_of(work)
    print(steps, flush=True)
    for _ in sys.stdin:
        print(timed(work, steps), flush=True)
    print(peak())


if __name__ == "__main__":
    main()
