"""`ganreg sweep`: every combination of some values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganreg.cli.app import App
from ganreg.cli.composition import composition, written
from ganreg.cli.folders import folder_to_write
from ganreg.errors import Interrupted

if TYPE_CHECKING:
    from ganreg.sweep.processes import Executor


@click.command("sweep")
@composition
@click.option(
    "--axis",
    "axes",
    metavar="PATH=VALUES",
    multiple=True,
    required=True,
    help="Values that a path of the spec takes, such as loss=hinge,minimax or seed=0..2; may be repeated.",
)
@click.option("--out", metavar="FOLDER", help="Folder of the cells.  [default: sweeps/SPEC]")
@click.option(
    "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Cells at a time on this machine."
)
@click.option(
    "--ray",
    "address",
    metavar="[ADDRESS]",
    is_flag=False,
    flag_value="",
    help="Run the cells on a Ray cluster; on one of this machine without ADDRESS.",
)
@click.option("--cpus", type=click.FloatRange(min=0), default=1, show_default=True, help="Of each cell, on Ray.")
@click.option("--gpus", type=click.FloatRange(min=0), default=0, show_default=True, help="Of each cell, on Ray.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON at the end.")
@click.pass_context
def command(
    context: click.Context,
    /,
    axes: tuple[str, ...],
    out: str | None,
    jobs: int,
    address: str | None,
    cpus: float,
    gpus: float,
    as_json: bool,
    **composed: Any,
) -> None:
    """Train every combination of some values.

    The sweep is over the run that SPEC and the options compose. VALUES are separated by commas, may carry parameters
    (loss='[hinge, {name: relativistic, base: hinge}]'), and a..b are integers. Each combination is a cell: a run in a
    folder of its own, in a process of its own. A cell that fails, be it that its spec is wrong, is told at the end with
    the reason, and the others run all the same; the exit code is 1 then.

    The same command goes on with a sweep that was stopped: cells that are complete are left, others are resumed, and
    those that failed are tried again. sweep.json in the folder tells what became of each, compare.html compares them.
    """
    from ganreg.cli.sweeping import Sweep, conclude
    from ganreg.engine.folder import RunFolder
    from ganreg.sweep.grid import Axis

    app: App = context.obj
    folder = folder_to_write(str(Path("sweeps") / Path(composed["spec"] or "sweep").stem) if out is None else out)
    document = written("sweep", **composed)
    sweep = Sweep(app, document, composed["spec"], [Axis.read(option) for option in axes], folder)
    with RunFolder(folder).claimed():
        sweep.prepare()
        if sweep.jobs():
            sweep.run(_executor(address, jobs, cpus, gpus), threads=None if address is not None else jobs)
    result = conclude(sweep.state, as_json=as_json)
    if as_json:
        click.echo(json.dumps(result, indent=2))
    if sweep.signal_number is not None:
        raise Interrupted("stopped, and saved: the same command goes on", sweep.signal_number)
    context.exit(0 if result["complete"] == len(result["cells"]) else 1)


def _executor(address: str | None, jobs: int, cpus: float, gpus: float) -> Executor:
    """Where the cells run. Raises UsageError where there is no Ray."""
    if address is None:
        from ganreg.sweep.processes import Processes

        return Processes(jobs)
    from ganreg.sweep.on_ray import Cluster

    if address:
        click.echo(f"connecting to Ray at {address}", err=True)
    return Cluster(address or None, cpus=cpus, gpus=gpus)
