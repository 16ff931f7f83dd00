"""`ganreg compare`: runs side by side."""

from __future__ import annotations

from pathlib import Path

import click

from ganreg.cli.folders import file_to_write
from ganreg.errors import RunFolderError, UsageError

SIGNS = ("spec.yaml", "lock.json", "log.jsonl")
"""What tells a run's folder from another one: a run that has lost its spec is one still, and is not to go unseen."""


@click.command("compare")
@click.argument("folders", metavar="RUN...", nargs=-1, required=True)
@click.option(
    "--baseline", metavar="RUN", help="A run of the group to compare with.  [default: the first complete one]"
)
@click.option("--html", metavar="FILE", default="compare.html", show_default=True, help="The page.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folders: tuple[str, ...], baseline: str | None, html: str, as_json: bool) -> None:
    """Compare runs, their seeds pooled.

    RUN is the folder of a run, or a folder of such folders. Runs that differ in their seed alone are one group. Of
    every figure that was measured, during the runs or by `ganreg eval`, each group has the mean and standard deviation
    over its complete runs, and the paired difference from the baseline over the seeds that both have, with Student's
    95 % interval. Figures that were measured in different ways are told apart. The page has curves and samples too.
    """
    from ganreg.cli.comparing import lines, record
    from ganreg.engine.disk import strict
    from ganreg.report import compare, write_comparison

    path = file_to_write(html)
    comparison = compare(runs_in(folders), Path(baseline) if baseline is not None else None)
    failure: RunFolderError | None = None
    try:
        write_comparison(comparison, path)
    except RunFolderError as error:  # which is told last: what was compared is not lost
        failure = error
    if as_json:
        import json

        page = None if failure else str(path)
        click.echo(json.dumps(strict({**record(comparison), "page": page}), indent=2, allow_nan=False))
    else:
        click.echo("\n".join([*lines(comparison), *([] if failure else [f"page: {path}"])]))
    if failure:
        raise UsageError(str(failure)) from failure


def runs_in(paths: tuple[str, ...]) -> list[Path]:
    """The folders themselves, or the runs in those that are none. Raises UsageError for none, or what is not there."""
    found: list[Path] = []
    bare: list[str] = []
    for path in map(Path, paths):
        if not path.exists():
            raise UsageError(f"'{path}' does not exist")
        inside = {file.parent for sign in SIGNS for file in path.glob(f"*/{sign}")}
        found += [path] if (path / "spec.yaml").exists() or not inside else sorted(inside)
        if path.is_dir() and not inside and not any((path / sign).exists() for sign in SIGNS):
            bare.append(f"neither '{path}' nor a folder in it holds a run")
    if len(bare) == len(paths):
        raise UsageError("\n".join(bare))
    return found
