"""Measure ganreg and two older libraries beside a bare loop: `python -m tests.benchmarks.peers --json peers.json`.

A trainer blocks until its training ends. So each loop has a thread of its own, and all take turns of as many steps:
only one of them runs at any time, and all meet the same moods of the machine. Two turns come before those that are
timed: one to get ready, and one in which all must move as many parameters as often.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout, suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Thread
from types import ModuleType
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils.data import TensorDataset

import ganreg
from ganreg.assembly import assemble
from ganreg.registry import Registry
from ganreg.spec.compatibility import task_of
from tests.benchmarks.bare import loop_of
from tests.benchmarks.cases import PARTS, spec_of
from tests.benchmarks.timing import machine, milliseconds, ratio, steps_of, timed

NAMES = ("mlp", "dcgan-28", "dcgan-64")
PEERS = {"mimicry": "torch-mimicry", "torchgan": "torchgan"}
INSTALL = "pip install --no-deps torch-mimicry==0.1.16 torchgan==0.1.0"
LEFT_OUT = ("torch_mimicry.datasets", "torch_mimicry.metrics", "skimage", "skimage.io")
"""What torch-mimicry imports, cannot here, and does not use while it trains: its data sets ask for `torch._six`, which
torch 2 has no more, its metrics for TensorFlow, and scikit-image saves pictures."""

Train = Callable[[Callable[[], None]], object]
"""What trains without end, and calls a function after each step."""


class Runner:
    """A training in a thread of its own, which does so many steps at a time and waits between."""

    def __init__(self, train: Train, steps: int) -> None:
        self._train = train
        self._steps = steps
        self._done = 0
        self._baton = Barrier(2)
        self._thread = Thread(target=self._run)
        self._thread.start()

    def turn(self) -> None:
        """Let it do its steps. Raises BrokenBarrierError where it has failed."""
        self._baton.wait()
        self._baton.wait()

    def stop(self) -> None:
        """End the training."""
        self._baton.abort()
        self._thread.join()

    def _run(self) -> None:
        try:
            with suppress(BrokenBarrierError):
                self._baton.wait()
                self._train(self._stepped)
        finally:
            self._baton.abort()

    def _stepped(self) -> None:
        self._done += 1
        if self._done % self._steps == 0:
            self._baton.wait()
            self._baton.wait()


def measure(name: str, rounds: int, trainers: ModuleType) -> dict[str, Any]:
    """Milliseconds per step of each loop, and its ratio to the bare one."""
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        spec = spec_of(name, f"{folder}/run")
        run = ganreg.compose(registry=Registry.discover(files=[PARTS]), **spec)
        trains = dict(trainings(run, spec, trainers, folder))
        steps = steps_of(loop_of(run, spec, torch.device("cpu")))
        runners = {which: Runner(train, steps) for which, train in trains.items()}
        took: dict[str, list[float]] = {which: [] for which in runners}
        try:
            for runner in runners.values():
                runner.turn()
            work = {which: watched(runner.turn) for which, runner in runners.items()}
            assert len(set(work.values())) == 1, f"not the same work: {work}"
            for _ in range(rounds):
                for which, runner in runners.items():
                    took[which].append(timed(runner.turn, 1) / steps)
        finally:
            for runner in runners.values():
                runner.stop()
    updates, parameters = work["bare"]
    return {
        "milliseconds": {which: milliseconds(seconds) for which, seconds in took.items()},
        "ratio": {which: ratio(seconds, took["bare"]) for which, seconds in took.items() if which != "bare"},
        "rounds": rounds,
        "steps": steps,
        "updates": updates,
        "parameters": parameters,
    }


def trainings(
    run: ganreg.api.Run, spec: Mapping[str, Any], trainers: ModuleType, folder: str
) -> Iterator[tuple[str, Train]]:
    """ganreg's, the bare loop's and the peers', each with networks of its own."""
    yield "ganreg", lambda stepped: run.train(tick=lambda step: stepped())
    yield "bare", partial(endless, loop_of(run, spec, torch.device("cpu")))
    data = run.spec.data.build(task_of(run.spec, run.spec.data.info()))
    floats = TensorDataset(data.images.float().div_(127.5).sub_(1), data.labels)

    def peer(name: str, stepped: Callable[[], None]) -> None:
        loader = trainers.Loader(floats, spec["train"]["batch_size"], stepped)
        getattr(trainers, name)(networks(run), spec["latent"], loader, f"{folder}/{name}")

    for name in PEERS:
        yield name, partial(peer, name)


def networks(run: ganreg.api.Run) -> Mapping[str, torch.nn.Module]:
    """Those that ganreg assembles, as new."""
    return assemble(run.spec, task_of(run.spec, run.spec.data.info()), torch.device("cpu")).networks


def endless(step: Callable[[], None], stepped: Callable[[], None]) -> None:
    """Train by a function that does one step."""
    while True:
        step()
        stepped()


def watched(turn: Callable[[], None]) -> tuple[int, int]:
    """How often optimizers step in a turn, and how many parameters they move."""
    seen: list[Optimizer] = []
    hook = register_optimizer_step_post_hook(lambda optimizer, *_: seen.append(optimizer))
    turn()
    hook.remove()
    moved = [p for optimizer in set(seen) for group in optimizer.param_groups for p in group["params"]]
    return len(seen), sum(p.numel() for p in moved)


def theirs() -> ModuleType:
    """The peers' trainers. Raises ModuleNotFoundError where a peer is not installed."""
    # As they come, they log where these are: torchgan's own requirements name neither tensorboardX nor visdom.
    os.environ |= {"TENSORBOARD_LOGGING": "0", "VISDOM_LOGGING": "0"}
    sys.modules.update((name, ModuleType(name)) for name in LEFT_OUT)
    try:
        import torchvision  # noqa: F401
    except RuntimeError:  # the package index has it for CUDA alone; declared, its operators do without their kernels
        for operator in ("nms", "qnms"):
            torch.library.define(f"torchvision::{operator}", "(Tensor dets, Tensor scores, float threshold) -> Tensor")
    from tests.benchmarks import trainers

    return trainers


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", choices=NAMES, help="may be repeated; all of them by default")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0 for all cores")
    parser.add_argument("--json", metavar="FILE", help="where the figures go")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        trainers = theirs()
    except ModuleNotFoundError as error:
        print(f"{error.name} is not installed; the peers take: {INSTALL}", file=sys.stderr)
        sys.exit(2)
    cases = {}
    for name in options.case or NAMES:
        cases[name] = measure(name, options.rounds, trainers)
        print(row(name, cases[name]), flush=True)
    command = f"python -m tests.benchmarks.peers --rounds {options.rounds} --threads {options.threads}"
    peers = {package: version(package) for package in PEERS.values()}
    found = {"command": command, **machine(), "peers": peers, "cases": cases}
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=2) + "\n")


def row(name: str, found: Mapping[str, Any]) -> str:
    """A case on one line."""
    times = "  ".join(f"{loop} {ms:.1f} ms" for loop, ms in found["milliseconds"].items())
    ratios = "  ".join(
        f"{loop} {low:.2f}–{middle:.2f}–{high:.2f}" for loop, (low, middle, high) in found["ratio"].items()
    )
    work = (
        f"{found['steps']} steps a turn, {found['updates']} updates of optimizers, {found['parameters']:,} parameters"
    )
    return f"{name:12} {times}   to bare: {ratios}   {work}"


if __name__ == "__main__":
    main()
