"""`ganreg run`: train."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from ganreg import processes
from ganreg.cli.app import App
from ganreg.cli.composition import composition, held_to, validated, written
from ganreg.cli.folders import home
from ganreg.cli.training import conclude, train

if TYPE_CHECKING:
    from ganreg.spec.document import Document


@click.command("run")
@composition
@click.option("--out", metavar="FOLDER", help="Folder of the run; a free name under runs/ without it.")
@click.option("--overwrite", is_flag=True, help="Replace a run that the folder holds.")
@click.option("--lock", metavar="FILE", help="Refuse other parts, versions and data than this lock.json or run has.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON at the end.")
@click.pass_obj
def command(app: App, /, overwrite: bool, lock: str | None, as_json: bool, **composed: Any) -> None:
    """Train a GAN.

    The run is what SPEC says, and what the options say in its place: parts by name, and any value by its path. A NAME
    may carry parameters: --loss '{name: hinge, margin: 2}'.

    Ctrl-C or SIGTERM stops after the current step and saves; `ganreg resume` goes on, and ends where a run that was
    never stopped would have.
    """
    document = written("run", **composed)
    with claimed(document):
        with held_to(lock):
            run = validated(app.registry, document, composed["spec"])
        if lock is not None:
            run.locked(lock)
        train(run, overwrite=overwrite)
        conclude(run, as_json=as_json)


def claimed(document: Document) -> AbstractContextManager[None]:
    """The folder that a document names, held while its spec is validated: who comes second hears of it at once."""
    output = document.data.get("output")
    folder = output.get("folder") if isinstance(output, dict) else None
    if not (isinstance(folder, str) and folder) or processes.rank() > 0:  # the first process writes for all
        return nullcontext()
    from ganreg.engine.folder import RunFolder

    return RunFolder(home(folder)).claimed()
