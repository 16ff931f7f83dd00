"""What the campaigns of mutations share: trials in forked processes with little memory, each with its own luck.

A trial is told by the campaign's seed and its number alone, so that `--only NUMBER` repeats a failure.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import click

from ganreg.cli import main as command_line

Trial = Callable[[random.Random, Path], tuple[str, str]]
"""Makes one mutation and tries it in a folder of the process: what became of it, and what is wrong with that."""
MEMORY = 2**30
"""Bytes of address space that a process may add to what it was born with."""
SECONDS = 120
"""A trial that takes longer has hung."""
WORKERS = 2
PLUGINS = "classic,datasets,proofs"
"""Those that the mutated specs and runs name; what else is installed changes nothing."""


@dataclass
class Summary:
    """What became of a campaign's mutations. violations: by number, what was wrong."""

    outcomes: Counter[str] = field(default_factory=Counter)
    violations: dict[int, str] = field(default_factory=dict)


@dataclass
class Answer:
    """What the command line answered."""

    code: int
    text: str

    @property
    def clean(self) -> bool:
        """Whether it neither broke nor showed how, nor lets through what a terminal would obey."""
        broken = any(sign in self.text for sign in ("internal error", "Traceback", "out of memory"))
        return not broken and all(c.isprintable() or c == "\n" for c in self.text)


def command(*arguments: str) -> Answer:
    """Call the command line in this process."""
    heard = io.StringIO()
    with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard):
        code = command_line(arguments)
    return Answer(code, heard.getvalue())


def fuzz(trial: Trial, numbers: Iterable[int], seed: int, place: Path) -> Summary:
    """Try the mutations of these numbers in a few processes, and in a new one where one dies."""
    waiting, summary = list(numbers), Summary()
    shares = [waiting[worker::WORKERS] for worker in range(WORKERS)]
    running = {_start(trial, share, seed, place / str(w)): (w, share) for w, share in enumerate(shares) if share}
    while running:
        child, status = os.wait()
        worker, share = running.pop(child)
        done = _collect(place / str(worker), summary)
        left = [number for number in share if number not in done]
        if left:
            summary.violations[left[0]] = f"the process ended ({os.waitstatus_to_exitcode(status)})"
        if left[1:]:
            running[_start(trial, left[1:], seed, place / str(worker))] = worker, left[1:]
    return summary


def _start(trial: Trial, numbers: list[int], seed: int, folder: Path) -> int:
    folder.mkdir(exist_ok=True)
    child = os.fork()
    if child == 0:
        os.environ["GANREG_PLUGINS"] = PLUGINS
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        born = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (born + MEMORY,) * 2)
        with open(folder / "results", "w", buffering=1, encoding="utf-8") as results:
            for number in numbers:
                signal.alarm(SECONDS)
                luck = random.Random(f"{seed}/{number}")
                results.write(json.dumps([number, *_tried(trial, luck, folder)]) + "\n")
        os._exit(0)
    return child


def _tried(trial: Trial, luck: random.Random, folder: Path) -> tuple[str, str]:
    try:
        return trial(luck, folder)
    except BaseException as error:
        return "raised", f"{type(error).__name__}: {error}"


def _collect(folder: Path, summary: Summary) -> set[int]:
    done = set()
    for line in (folder / "results").read_text(encoding="utf-8").splitlines():
        number, outcome, violation = json.loads(line)
        done.add(number)
        summary.outcomes[outcome] += 1
        if violation:
            summary.violations[number] = violation
    return done


def campaign_command(campaign: Callable[[range, int], Summary], help_: str) -> click.Command:
    """The command line of a campaign, which takes numbers of mutations and a seed."""

    @click.command(help=help_)
    @click.option("--mutations", default=10_000, show_default=True)
    @click.option("--seed", default=0, show_default=True)
    @click.option("--only", type=int, help="This mutation alone, by its number.")
    def main(mutations: int, seed: int, only: int | None) -> None:
        numbers = range(mutations) if only is None else range(only, only + 1)
        started = time.perf_counter()
        summary = campaign(numbers, seed)
        for outcome, times in summary.outcomes.most_common():
            click.echo(f"{times:>7}  {outcome}")
        for number, violation in sorted(summary.violations.items())[:20]:
            click.echo(f"--only {number}: {violation}")
        verdict = f"{len(summary.violations)} violations" if summary.violations else "clean"
        click.echo(f"{len(numbers)} mutations in {time.perf_counter() - started:.0f} s: {verdict}")
        sys.exit(1 if summary.violations else 0)

    return main
