"""`ganreg resume`: go on with a run."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from ganreg import processes
from ganreg.cli.app import App
from ganreg.cli.composition import held_to
from ganreg.cli.folders import confirmed, opened
from ganreg.cli.training import conclude, train

if TYPE_CHECKING:
    from ganreg.api import Run


@click.command("resume")
@click.argument("folder", metavar="RUN")
@click.option("--locked", is_flag=True, help="Refuse other parts, versions and data than the run was started with.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON at the end.")
@click.pass_obj
def command(app: App, folder: str, locked: bool, as_json: bool) -> None:
    """Go on with a run that was stopped.

    RUN is its folder. The run goes on from the newest checkpoint that is whole, and ends where it would have if
    nothing had stopped it. Parts, versions and data that have changed since it was started are warned of.
    """
    from ganreg.engine.folder import RunFolder

    path = confirmed(folder)
    # Before anything takes time: who comes second hears of it at once. Of several processes the first one writes.
    with RunFolder(path).claimed() if processes.rank() == 0 else nullcontext():
        with held_to(path if locked else None):
            run = opened(folder, app.registry)
        if locked:
            run.locked()
        if _complete(run):
            if processes.rank() == 0:
                click.echo(f"already complete: {run.spec.train.steps} steps", err=True)
        else:
            train(run, resume=True)
        conclude(run, as_json=as_json)


def _complete(run: Run) -> bool:
    """Whether the checkpoint of the last step is there, and whole, and all that looks on is done with it."""
    last = run.folder / "checkpoints" / f"{run.spec.train.steps:08d}"
    if not last.is_dir() or not (run.folder / "report.html").is_file():
        return False
    from ganreg.engine.checkpoints import read
    from ganreg.errors import CheckpointError

    try:
        return not read(last).get("unseen", False)
    except CheckpointError:
        return False
