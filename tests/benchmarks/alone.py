"""A case by `ganreg run` and by the bare loop, each in a process of its own; they take turns."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

import ganreg
from ganreg.registry import Registry
from tests.benchmarks.bare import loop_of
from tests.benchmarks.cases import CASES, PARTS, spec_of
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
    """Milliseconds per step of each, ganreg's ratio to the bare loop with its quartiles, and their peaks of memory."""
    bare = Child(["tests.benchmarks.alone", "--case", name, "--device", train.get("device", "cpu")])
    steps = int(bare.told)
    with tempfile.TemporaryDirectory() as folder:
        spec = spec_of(name, f"{folder}/run", **train, steps=(rounds + 2) * steps)
        spec["output"]["log_every"] = steps
        spec["observers"] = ["turns"]
        Path(folder, "spec.yaml").write_text(json.dumps(spec))
        mine = Child(["ganreg", "--plugin", str(PARTS), "run", f"{folder}/spec.yaml"])
        took: dict[str, list[float]] = {"ganreg": [], "bare": []}
        for _ in range(rounds):
            took["ganreg"].append(mine.turn())
            took["bare"].append(bare.turn())
        peaks = {"ganreg": mine.end(), "bare": bare.end()}
    return {
        "milliseconds": {who: milliseconds(seconds) for who, seconds in took.items()},
        "ratio": ratio(took["ganreg"], took["bare"]),
        "peak": peaks,
    }


def main() -> None:
    """The bare loop, whose steps are timed by whoever started it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=CASES, required=True)
    parser.add_argument("--device", required=True)
    options = parser.parse_args()
    spec = spec_of(options.case, "runs/never")
    run = ganreg.compose(registry=Registry.discover(files=[PARTS]), **spec)
    work = loop_of(run, spec, torch.device(options.device))
    steps = steps_of(work)
    print(steps, flush=True)
    for _ in sys.stdin:
        print(timed(work, steps), flush=True)
    print(peak())


if __name__ == "__main__":
    main()
