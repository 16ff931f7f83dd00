"""Measure how trainers survive faults, and print one table: `python -m tests.crash.compare --kills 24 --flips 1000`."""

from __future__ import annotations

import json
import logging
import os
import platform
import random
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import torch
from rich.console import Console
from rich.table import Table

from tests.crash.compare import damage, disk, divergence, kills, toy
from tests.crash.compare.processes import Attempt
from tests.crash.compare.trainers import NEEDS, Trainer, installed, versions

Found = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    kills: int
    flips: int
    seed: int
    faults: tuple[str, ...]


def kill(trainer: Trainer, options: Options, place: Path) -> dict[str, Any]:
    """`kill -9` at a random moment."""
    return kills.measure(trainer, options.kills, random.Random(options.seed), place)


def flip(trainer: Trainer, options: Options, place: Path) -> dict[str, Any]:
    """A flipped bit in the last checkpoint of an undisturbed run."""
    kills.whole(trainer, place / "flipped")
    newest = trainer.checkpoints(place / "flipped")[-1]
    return damage.measure(newest, trainer.load, options.flips, random.Random(options.seed))


FAULTS: dict[str, Callable[[Trainer, Options, Path], dict[str, Any]]] = {
    "kill -9": kill,
    "flipped bit": flip,
    "file size limit": lambda trainer, options, place: disk.limited(trainer, place),
    "full disk": lambda trainer, options, place: disk.full(trainer, place),
    "NaN in a loss": lambda trainer, options, place: divergence.measure(trainer, place / "poisoned"),
}


def measure(trainers: list[Trainer], options: Options, place: Path) -> dict[str, Found]:
    """Every fault of every trainer, and the flipped bits of the file formats alone."""
    results: dict[str, Found] = {}
    for trainer in trainers:
        click.echo(f"measuring {trainer.name}", err=True)
        folder = place / trainer.name
        folder.mkdir()
        results[trainer.name] = {fault: FAULTS[fault](trainer, options, folder) for fault in options.faults}
    if "flipped bit" in options.faults and trainers:
        tensors = trainers[-1].final(place / trainers[-1].name / "flipped")
        for name, found in damage.plain(tensors, options.flips, random.Random(options.seed), place).items():
            results[name] = {"flipped bit": found}
    return results


def available(libraries: tuple[str, ...]) -> tuple[list[str], list[Trainer]]:
    """The libraries that are installed, and their trainers; says which are not."""
    there, trainers = [], []
    for library in libraries:
        try:
            trainers += installed(library)
            there.append(library)
        except ImportError as error:
            click.echo(f"{library} is not measured: {error}; pip install {' '.join(NEEDS[library])}", err=True)
    return there, trainers


def show(results: dict[str, Found]) -> None:
    """One table, a column per trainer."""
    table = Table("", *results)
    for fault in dict.fromkeys(fault for found in results.values() for fault in found):
        table.add_section()
        table.add_row(f"[bold]{fault}")
        for key in dict.fromkeys(key for found in results.values() for key in found.get(fault, {})):
            table.add_row(f"  {key}", *(cell(found.get(fault, {}).get(key)) for found in results.values()))
    Console(width=max(100, 34 + 22 * len(results))).print(table)


def cell(value: Any) -> str:
    """A figure as the table shows it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(cell, value))
    return "" if value is None else str(value)


@click.command()
@click.option("--kills", "number", default=24, show_default=True, help="Runs that are killed, for each trainer.")
@click.option("--flips", default=1000, show_default=True, help="Bits that are flipped, for each trainer.")
@click.option("--only", multiple=True, type=click.Choice(list(NEEDS)), help="This library alone; may be repeated.")
@click.option("--fault", "faults", multiple=True, type=click.Choice(list(FAULTS)), help="This alone; may be repeated.")
@click.option("--steps", default=toy.STEPS, show_default=True, help="Steps of each run.")
@click.option("--seed", default=0, show_default=True, help="Of the moments and the bits.")
@click.option("--folder", type=click.Path(exists=True), help="Where the runs go, in place of the temporary folder.")
@click.option("--show-output", is_flag=True, help="Let the trainers print.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON in place of the table.")
def main(
    number: int,
    flips: int,
    only: tuple[str, ...],
    faults: tuple[str, ...],
    steps: int,
    seed: int,
    folder: str | None,
    show_output: bool,
    as_json: bool,
) -> None:
    """Measure how trainers survive faults."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable()
    toy.STEPS = steps
    Attempt.show = show_output
    libraries, trainers = available(only or tuple(NEEDS))
    with tempfile.TemporaryDirectory(dir=folder) as place:
        results = measure(trainers, Options(number, flips, seed, faults or tuple(FAULTS)), Path(place))
    about = {**versions(libraries), "platform": platform.platform(), "processors": os.cpu_count()}
    if as_json:
        click.echo(json.dumps({"about": about, "results": results}, indent=2))
    else:
        show(results)
        click.echo(", ".join(f"{name} {value}" for name, value in about.items()))


if __name__ == "__main__":
    main()
