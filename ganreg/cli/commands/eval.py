"""`ganreg eval`: a trained GAN measured."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ganreg.cli.app import App
from ganreg.cli.folders import checkpoint, home, opened
from ganreg.errors import RunFolderError

if TYPE_CHECKING:
    from ganreg.api import Run
    from ganreg.trained import Measurement, Which


@click.command("eval")
@click.argument("folder", metavar="RUN")
@click.option(
    "--metric",
    "metrics",
    metavar="NAME",
    multiple=True,
    help="What to measure; may be repeated, and carry parameters. The spec's own without it.",
)
@checkpoint
@click.option("--figures", metavar="FOLDER", help="Where metrics' pictures go.  [default: RUN/evaluations]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(app: App, folder: str, metrics: tuple[str, ...], which: Which, figures: str | None, as_json: bool) -> None:
    """Measure a trained GAN.

    RUN is its folder. The networks are those of the newest checkpoint that is whole, or the one that is named. A NAME
    may carry parameters: --metric '{name: separability, count: 500}'. The figures are written down in the run's folder,
    where `ganreg compare` and the report show them; the training is not touched, and may be under way.
    """
    from ganreg.cli.progress import measuring
    from ganreg.spec.node import Text
    from ganreg.spec.reader import parse_value

    run = opened(folder, app.registry)
    references = [parse_value(Text("--metric", metric), 0) for metric in metrics]
    measured: list[Measurement] = []
    try:
        with measuring() as far:
            run.evaluate(
                references, checkpoint=which, figures=figures and home(figures), measuring=far, measured=measured.append
            )
    finally:  # a metric that fails takes nothing from those before it
        if measured:
            _tell(run, measured, as_json=as_json)


def _tell(run: Run, measured: Sequence[Measurement], *, as_json: bool) -> None:
    """Print what was measured, and write it down in the run's folder."""
    if as_json:
        click.echo(json.dumps([_record(measurement) for measurement in measured], indent=2))
    else:
        click.echo("\n".join(_lines(measured)))
    try:
        for measurement in measured:
            measurement.record(run.folder)
        run.report()
    except RunFolderError as error:
        click.echo(f"warning: this is not written down in the folder: {error}", err=True)


def _record(measurement: Measurement) -> dict[str, Any]:
    """A measurement as JSON, which has no word for a number without end but null."""
    from ganreg.engine.disk import strict

    return dict(strict({**asdict(measurement), "pictures": {n: str(p) for n, p in measurement.pictures.items()}}))


def _lines(measured: Sequence[Measurement]) -> Iterable[str]:
    """The figures in columns, how each metric took its own, and where the pictures are."""
    from ganreg.report.side_by_side import in_words

    width = max((len(name) for one in measured for name in one.figures), default=0)
    for one in measured:
        yield f"{click.style(one.metric['name'], bold=True)} at step {one.step}"
        yield from (f"  {name:<{width}}  {value:.6g}" for name, value in one.figures.items())
        yield from (f"  {name}: {path}" for name, path in one.pictures.items())
        yield f"  measured with {in_words(one.protocol)}"
