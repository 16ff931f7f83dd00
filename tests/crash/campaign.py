"""Kill a run again and again, resume it unaided, and compare with a run that was never killed.

    python -m tests.crash.campaign --kills 200

A kill is `SIGKILL` before one file operation (each open for writing, rename, mkdir or removal inside the run's folder,
in turn: the failpoints between every two writes), or at a random moment. Each attempt is the command line itself in a
forked process. Networks, moving average, optimizers and the state of parts must be equal bit for bit in the end, the
log and the pictures byte for byte.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import matplotlib.figure  # noqa: F401
import torch.fx.experimental.symbolic_shapes  # noqa: F401 - all this before the fork, so that no attempt pays for it

import ganreg
from ganreg.cli import main as command_line
from ganreg.engine import loop  # noqa: F401
from ganreg.engine.checkpoints import Checkpoints
from ganreg.engine.state import same
from ganreg.registry import Registry, first_party

SMALL: dict[str, Any] = {
    "data": {"name": "proofs/tiny-pictures"},
    "generator": "proofs/tiny-generator",
    "discriminator": "proofs/tiny-discriminator",
    "loss": "proofs/tiny-hinge",
    "game": "proofs/tiny-standard",
    "schedule": "proofs/tiny-alternating",
    "optimizers": {"generator": "proofs/tiny-adam", "discriminator": "proofs/tiny-adam"},
    "latent": 4,
    "train": {"steps": 12, "batch_size": 4, "device": "cpu"},
    "output": {"samples_every": 3, "samples": 4, "checkpoint_every": 2, "log_every": 1},
}
SCENARIOS: dict[str, dict[str, Any]] = {
    "alternating": {"schedule": {"name": "proofs/tiny-alternating", "discriminator_steps": 2}},
    "simultaneous": {"schedule": "proofs/tiny-simultaneous"},
    "extragradient": {"schedule": "proofs/tiny-extragradient"},
    "conditional, lazy r1": {
        "conditional": True,
        "data": {"name": "proofs/tiny-pictures", "classes": 3},
        "penalties": [{"name": "proofs/tiny-r1", "every": 3}],
    },
    "feedback state (ADA)": {"augment": "proofs/tiny-ada"},
    "running mean (path length)": {"generator": "proofs/tiny-mapped", "penalties": ["proofs/tiny-path-length"]},
    "epochs that end within a step": {
        "data": {"name": "proofs/tiny-pictures", "count": 3},
        "schedule": {"name": "proofs/tiny-alternating", "discriminator_steps": 2},
    },
    "dropout": {"discriminator": {"name": "proofs/tiny-discriminator", "dropout": 0.3}},
}
REGISTRY = Registry.discover()
SCENARIOS |= {
    f"schedule {offer.id}": {"schedule": offer.id}
    for offer in REGISTRY.offers("schedule")
    if offer.plugin.namespace in first_party()
}
if {"losses", "penalties", "augment"} <= set(REGISTRY.namespaces):
    SCENARIOS["state of five first-party parts"] = {
        "loss": {"name": "losses/top-k", "interval": 2, "base": "losses/boundary-equilibrium"},
        "penalties": ["penalties/lecam", "penalties/path-length", "penalties/historical-averaging"],
        "augment": "augment/ada",
    }
ELSEWHERE = Path("/dev/shm")
"""Another file system than the one where runs are written: every attempt's temporary directory, where it exists."""
EVENTS = {"open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.truncate"}


@dataclass
class Outcome:
    """What became of one scenario."""

    kills: int = 0
    differences: list[str] = field(default_factory=list)


def spec_of(scenario: str) -> dict[str, Any]:
    """The whole spec of a scenario, without its folder."""
    return {**SMALL, **SCENARIOS[scenario]}


def compose(scenario: str, folder: Path) -> ganreg.api.Run:
    """The run of a scenario in a folder."""
    spec = spec_of(scenario)
    return ganreg.compose(**{**spec, "output": {**spec["output"], "folder": folder}})


def attempt(arguments: list[str], arm: Callable[[], None], errors: str = os.devnull) -> int | None:
    """One process of the command line; its exit code, or None where it was killed. errors: a file for its stderr."""
    child = os.fork()
    if child == 0:
        if ELSEWHERE.is_dir():
            os.environ["TMPDIR"] = str(ELSEWHERE)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        arm()
        os._exit(command_line(arguments))
    _, status = os.waitpid(child, 0)
    return None if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)


def at_operations(folder: Path, blow: Callable[[int, str], None]) -> Callable[[], None]:
    """Arm a blow at every file operation that writes inside a folder; it is told their number, from 1, and event."""

    def arm() -> None:
        seen = 0

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal seen
            if event not in EVENTS or not str(arguments[0]).startswith(str(folder)):
                return
            if event == "open" and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                return
            seen += 1
            blow(seen, event)

        sys.addaudithook(hook)

    return arm


def before_operation(number: int, folder: Path) -> Callable[[], None]:
    """Arm a kill before the n-th file operation that writes inside a folder."""

    def blow(seen: int, event: str) -> None:
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return at_operations(folder, blow)


def after(seconds: float) -> Callable[[], None]:
    """Arm a kill after a time."""

    def kill() -> None:
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGKILL)

    return lambda: threading.Thread(target=kill, daemon=True).start()


def blows(folder: Path, luck: random.Random) -> Iterator[Callable[[], None]]:
    """Kills without end: every failpoint in turn, with random moments between."""
    number = 0
    while True:
        number += 1
        yield before_operation(number, folder)
        if number % 3 == 0:
            yield after(luck.uniform(0.05, 1.5))


def campaign(scenario: str, kills: int, luck: random.Random, place: Path) -> Outcome:
    """Run one scenario to its end as often as it takes to kill it so many times, and compare each end."""
    whole = compose(scenario, place / "whole")
    run_and_wait(["run", *arguments(whole, place)])
    outcome = Outcome()
    kinds = blows(place / "killed", luck)
    while outcome.kills < kills:
        killed_before = outcome.kills
        one_run(scenario, place, kinds, outcome, kills)
        outcome.differences += compare(place / "whole", place / "killed")
        if outcome.kills == killed_before:
            kinds = blows(place / "killed", luck)
    return outcome


def one_run(scenario: str, place: Path, kinds: Iterator[Callable[[], None]], outcome: Outcome, kills: int) -> None:
    """From nothing to the last step, killed on the way and resumed unaided."""
    folder = place / "killed"
    run = compose(scenario, folder)
    begin = ["run", *arguments(run, place), "--overwrite"]
    code: int | None = None
    started = False
    while code != 0:
        armed = next(kinds) if outcome.kills < kills else (lambda: None)
        started = started and (folder / "spec.yaml").exists()
        code = attempt(["resume", str(folder)] if started else begin, armed)
        started = True
        if code is None:
            outcome.kills += 1
        elif code != 0:
            outcome.differences.append(f"exit code {code} where only kills were asked for")
            return


def arguments(run: ganreg.api.Run, place: Path) -> list[str]:
    """The command line's arguments for a run: its spec in a file, and its folder."""
    from ganreg.spec.writing import to_yaml

    path = place / f"{run.folder.name}.yaml"
    path.write_text(to_yaml(run.spec, run.registry), encoding="utf-8")
    return [str(path)]


def run_and_wait(command: list[str]) -> None:
    """A run that nobody kills."""
    code = attempt(command, lambda: None)
    if code != 0:
        raise RuntimeError(f"ganreg {' '.join(command)} exited with {code}")


def compare(whole: Path, killed: Path) -> list[str]:
    """What differs between two finished runs."""
    found = []
    states = [Checkpoints(folder / "checkpoints", 2).newest()[0] for folder in (whole, killed)]
    if not same(*states):
        found.append("the last checkpoints differ")
    if (whole / "log.jsonl").read_bytes() != (killed / "log.jsonl").read_bytes():
        found.append("the logs differ")
    pictures = [{p.relative_to(folder): p.read_bytes() for p in folder.rglob("*.png")} for folder in (whole, killed)]
    if pictures[0] != pictures[1]:
        found.append("the pictures differ")
    left = [p.name for p in (killed / "checkpoints").iterdir() if not p.name.isdigit()]
    if left:
        found.append(f"left behind: {left}")
    return found


@click.command()
@click.option("--kills", default=200, show_default=True, help="Kills in all, shared among the scenarios.")
@click.option("--seed", default=0, show_default=True)
@click.option("--scenario", "chosen", multiple=True, type=click.Choice(list(SCENARIOS)), help="These alone.")
def main(kills: int, seed: int, chosen: tuple[str, ...]) -> None:
    """Kill runs, resume them, and compare their ends with runs that were never killed."""
    luck = random.Random(seed)
    scenarios = chosen or tuple(SCENARIOS)
    share, failed = -(-kills // len(scenarios)), 0
    for scenario in scenarios:
        with tempfile.TemporaryDirectory() as place:
            started = time.perf_counter()
            outcome = campaign(scenario, share, luck, Path(place))
        failed += bool(outcome.differences)
        verdict = "; ".join(sorted(set(outcome.differences))) or "bit-identical"
        click.echo(f"{scenario:<28} {outcome.kills:>4} kills  {time.perf_counter() - started:6.1f} s  {verdict}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
