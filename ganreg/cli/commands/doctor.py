"""`ganreg doctor`: what is installed, and what is wrong with it."""

from __future__ import annotations

import json
import os
import traceback
from typing import TYPE_CHECKING, Any

import click

from ganreg.cli.app import App
from ganreg.errors import PluginError

if TYPE_CHECKING:
    from ganreg.registry import Plugin


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Tell what is installed, and what is wrong with it.

    Loads every plugin. The exit code is 4 where one of them cannot be used.
    """
    from ganreg.registry import environment

    app: App = context.obj
    records = [_record(plugin) for plugin in app.registry.plugins()]
    if as_json:
        click.echo(json.dumps({**environment(), "plugins": records}, indent=2))
    else:
        click.echo("\n".join([_versions(environment()), *_lines(app, records)]))
    problems = [plugin.problem for plugin in app.registry.plugins() if plugin.problem]
    if app.debug:
        for problem in problems:
            if problem.error:
                traceback.print_exception(problem.error)
    if problems:
        context.exit(PluginError.exit_code)


def _versions(versions: dict[str, Any]) -> str:
    torch = f"torch {versions['torch']}" if versions["torch"] else "no torch: pip install torch"
    return f"ganreg {versions['ganreg']}, {torch}, Python {versions['python']}, {versions['platform']}"


def _record(plugin: Plugin) -> dict[str, Any]:
    return {
        "namespace": plugin.namespace,
        "distribution": plugin.distribution,
        "components": len(plugin.components),
        "import_ms": round(plugin.seconds * 1000, 1),
        "status": "problem" if plugin.problem else "warning" if plugin.warnings else "ok",
        "warnings": list(plugin.warnings),
        "cause": plugin.problem.cause if plugin.problem else None,
        "remedy": plugin.problem.remedy if plugin.problem else None,
    }


def _lines(app: App, records: list[dict[str, Any]]) -> list[str]:
    """One line per plugin, and below it what to do about a problem."""
    if not app.plugins:
        return ["plugins: none is loaded, because of --no-plugins"]
    lines = []
    if "GANREG_PLUGINS" in os.environ:
        lines.append(f"plugins: GANREG_PLUGINS lets only these load: {os.environ['GANREG_PLUGINS'] or 'none'}")
    if not records:
        lines.append("plugins: none is found; pip install ganreg-classic ganreg-datasets")
    names, sources = (max((len(r[key]) for r in records), default=0) for key in ("namespace", "distribution"))
    for record in records:
        counts = f"{record['components']:>3} components  {record['import_ms']:>7.1f} ms"
        lines.append(
            f"{record['namespace']:<{names}}  {record['distribution']:<{sources}}  {counts}  {_verdict(record)}"
        )
        if record["remedy"]:
            lines.append(click.style(f"  help: {record['remedy']}", fg="cyan"))
    return lines


def _verdict(record: dict[str, Any]) -> str:
    if record["status"] == "problem":
        return click.style("problem: ", fg="red") + str(record["cause"])
    if record["status"] == "warning":
        return click.style("warning: ", fg="yellow") + "; ".join(record["warnings"])
    return click.style("ok", fg="green")
