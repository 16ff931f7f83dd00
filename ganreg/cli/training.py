"""What `run` and `resume` share: training with progress and signals, and what is said at the end."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from ganreg import processes
from ganreg.cli.app import App
from ganreg.errors import Interrupted

if TYPE_CHECKING:
    from ganreg.api import Run


def train(run: Run, *, resume: bool = False, overwrite: bool = False) -> None:
    """Train with progress on stderr. Raises what `Run.train` does, an Interrupted with how to go on."""
    from ganreg.cli.memory import Tidy
    from ganreg.cli.progress import progress
    from ganreg.cli.signals import Signals
    from ganreg.engine.loop import Stop

    def where() -> tuple[int, int]:
        assert run.training is not None, "it is there from the event `started` on"
        return run.training.match.step_index, run.training.match.position

    stop = Stop()
    try:
        with Signals(stop) as signals, closing(progress(run.spec, where)) as shown:
            run.train(
                overwrite=overwrite,
                resume=resume,
                observers=[signals, shown, Tidy(run)] if processes.rank() == 0 else [signals],
                tick=shown.tick,
                stop=stop,
                say=lambda sentence: click.echo(sentence, err=True),
            )
    except Interrupted as error:
        again = click.get_current_context().ensure_object(App).again("resume", str(run.folder))
        raise Interrupted(f"{error}, and saved: `{again}` goes on", error.exit_code - 128) from None


def conclude(run: Run, *, as_json: bool) -> None:
    """Print where pictures and report of a finished run are; the first process does."""
    if processes.rank() > 0:
        return
    result = _result(run)
    if as_json:
        click.echo(json.dumps(result, indent=2))
    else:
        click.echo(f"samples: {result['samples']}\nreport:  {result['report']}")


def _result(run: Run) -> dict[str, Any]:
    from ganreg.engine.folder import RunFolder, records

    folder = RunFolder(run.folder)
    losses: dict[str, float] = {}
    measured: dict[tuple[str, str], dict[str, Any]] = {}
    for record in records(folder.log):
        losses = record.get("losses", losses)
        protocol = record.get("protocol", {})
        for name, value in record.get("metrics", {}).items():
            measured[name, json.dumps(protocol, sort_keys=True)] = {"value": value, "protocol": protocol}
    metrics: dict[str, list[dict[str, Any]]] = {}
    for (name, _), figure in measured.items():
        metrics.setdefault(name, []).append(figure)
    pictures = sorted(folder.samples.glob("*.png"))
    return {
        "folder": str(run.folder),
        "steps": run.spec.train.steps,
        "samples": str(pictures[-1] if pictures else folder.samples),
        "report": str(folder.report),
        "losses": losses,
        "metrics": metrics,
    }
