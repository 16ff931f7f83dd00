"""The cases on an accelerator, as a bare loop and as ganreg in several settings: `-m tests.benchmarks.accelerator`.

All loops take turns in one process. The memory is the device's: what a loop holds at most, beside no other.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

import ganreg
from ganreg.registry import Registry
from tests.benchmarks.bare import loop_of
from tests.benchmarks.cases import CASES, PARTS, WIDE, spec_of
from tests.benchmarks.ours import step_of
from tests.benchmarks.timing import machine, milliseconds, ratio, steps_of, timed

SECONDS = 0.1
"""Of work between two changes from one loop to the next."""
WARM = 8
"""Steps after which nothing is compiled, tried or recorded any more."""
HALF = {"precision": "bf16"}
FIRST = {"channels_last": False}
REPLAYED = {"cuda_graphs": True}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "ganreg": {},
    "bf16": HALF,
    "replayed": REPLAYED,
    "replayed, channels first": {**REPLAYED, **FIRST},
    "replayed, bf16": {**REPLAYED, **HALF},
    "replayed, bf16, channels first": {**REPLAYED, **HALF, **FIRST},
    "compiled": {"compile": True},
    "compiled, replayed, bf16": {"compile": True, **REPLAYED, **HALF},
}


def loops(spec: Mapping[str, Any], device: torch.device, *, compiled: bool) -> Iterator[tuple[str, Callable[[], None]]]:
    """Each in turn: the bare loop, the same under autocast, and ganreg's in its settings."""
    run = ganreg.compose(registry=Registry.discover(files=[PARTS]), **spec)
    yield "bare", loop_of(run, spec, device)
    yield "bare, fused", loop_of(run, spec, device, fused=True)
    yield "bare, bf16", halved(loop_of(run, spec, device, fused=True), device)
    for setting, changes in SETTINGS.items():
        if compiled or "compile" not in changes:
            yield setting, step_of({**spec, "train": {**spec["train"], **changes}}, say)


def say(sentence: str) -> None:
    """What a run has to say of its steps."""
    print("   ", sentence, file=sys.stderr)


def halved(work: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """The same under autocast."""

    def step() -> None:
        with torch.autocast(device.type, dtype=torch.bfloat16):
            work()

    return step


def measure(
    name: str, rounds: int, device: torch.device, folder: str, *, compiled: bool, **train: Any
) -> dict[str, Any]:
    """Of each loop: milliseconds per step, images per second, ratio to the bare one with its quartiles, MiB held."""
    works, held, steps = {}, {}, {}
    spec = spec_of(name, folder, **{"device": str(device), **train})
    before = torch.accelerator.memory_allocated()
    for loop, work in loops(spec, device, compiled=compiled):
        torch.accelerator.reset_peak_memory_stats()
        timed(work, WARM)
        works[loop], steps[loop] = work, steps_of(work, SECONDS)
        held[loop] = round((torch.accelerator.max_memory_allocated() - before) / 2**20, 1)
        before = torch.accelerator.memory_allocated()
    took: dict[str, list[float]] = {loop: [] for loop in works}
    for _ in range(rounds):
        for loop, work in works.items():
            took[loop].append(timed(work, steps[loop]))
    pictures = spec["train"]["batch_size"] * spec.get("schedule", {}).get("discriminator_steps", 1)
    found = {loop: milliseconds(seconds) for loop, seconds in took.items()}
    return {
        "batch": spec["train"]["batch_size"],
        "milliseconds": found,
        "images per second": {loop: round(1e3 * pictures / ms) for loop, ms in found.items()},
        "ratio": {loop: ratio(seconds, took["bare"]) for loop, seconds in took.items()},
        "held": held,
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--case", action="append", choices=[*CASES, *WIDE], help="may be repeated; all of them by default"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--uncompiled", action="store_true", help="leave out what is compiled, which takes minutes")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a key of the spec's `train`")
    parser.add_argument("--json", metavar="FILE", help="where the figures go")
    options = parser.parse_args()
    train = {key: json.loads(value) for key, _, value in (setting.partition("=") for setting in options.set)}
    device, cases = torch.device(options.device), {}
    torch._dynamo.config.recompile_limit = 64  # of one function, which all settings share here
    for name in options.case or [*CASES, *WIDE]:
        with tempfile.TemporaryDirectory() as folder:
            cases[name] = measure(name, options.rounds, device, folder, compiled=not options.uncompiled, **train)
        ratios = cases[name]["ratio"]
        times = [f"{loop} {ms:.2f} ({ratios[loop][1]:.2f})" for loop, ms in cases[name]["milliseconds"].items()]
        print(f"{name:12} {'  '.join(times)}", flush=True)
        found = {"command": "python -m tests.benchmarks.accelerator " + " ".join(sys.argv[1:]), **machine()}
        found["rounds"] = options.rounds
        if options.json:
            Path(options.json).write_text(json.dumps({**found, "cases": cases}, indent=2) + "\n")


if __name__ == "__main__":
    main()
