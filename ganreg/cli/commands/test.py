"""`ganreg test`: a plugin's components against the contracts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING

import click

from ganreg.cli.app import App
from ganreg.errors import PluginError, printable

if TYPE_CHECKING:
    from ganreg.testing import Case, Result


@click.command("test")
@click.argument("namespace", required=False)
@click.argument("components", metavar="[COMPONENT]...", nargs=-1)
@click.option("--only", metavar="CHECK", multiple=True, help="Only this check, and what it needs; may be repeated.")
@click.option("--list", "listing", is_flag=True, help="Print every check with what it promises.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(
    context: click.Context,
    namespace: str | None,
    components: tuple[str, ...],
    only: tuple[str, ...],
    listing: bool,
    as_json: bool,
) -> None:
    """Check a plugin's components against the contracts.

    NAMESPACE is the plugin's, as in the ids of its components. COMPONENT, a name or an id, leaves out all others.
    For every failure one line says how to mend it. The exit code is 4 where there is one.
    """
    if listing:
        click.echo("\n".join(_checks(as_json)))
        return
    if namespace is None:
        raise click.UsageError("give the namespace of a plugin; `ganreg list` shows what is installed")
    from ganreg.testing import cases

    app: App = context.obj
    chosen = _chosen(cases(namespace, registry=app.registry), components, only)
    results = [case.result() for case in chosen] if as_json else list(_shown(chosen))
    if as_json:
        click.echo(json.dumps([asdict(result) for result in results], indent=2))
    if any(result.status == "failed" for result in results):
        context.exit(PluginError.exit_code)


def _checks(as_json: bool) -> Iterator[str]:
    """Every check, with its kinds and what it promises."""
    import ganreg.testing.checks  # noqa: F401 - fills the table
    from ganreg.components import KINDS
    from ganreg.testing.check import CHECKS

    if as_json:
        records = [{"check": c.name, "kinds": c.kinds, "promise": c.summary, "remedy": c.remedy} for c in CHECKS]
        yield json.dumps(records, indent=2)
        return
    for check in CHECKS:
        kinds = "all kinds" if set(check.kinds) == set(KINDS) else ", ".join(check.kinds)
        yield f"{click.style(check.name, bold=True)} ({kinds})\n  {check.summary}"


def _chosen(cases: Sequence[Case], components: Sequence[str], only: Sequence[str]) -> list[Case]:
    """The cases that are asked for. Raises UsageError for a component or check that is not there."""
    _known("component", components, [name for c in cases for name in (c.component, c.component.rpartition("/")[2])])
    _known("check", only, [case.check.name for case in cases])
    return [
        case
        for case in cases
        if (not components or case.component in components or case.component.rpartition("/")[2] in components)
        and (not only or case.check.name in only)
    ]


def _known(what: str, words: Iterable[str], known: Sequence[str]) -> None:
    from difflib import get_close_matches

    for word in words:
        if word not in known:
            near = get_close_matches(word, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(dict.fromkeys(known))}"
            raise click.UsageError(f"no {what} is called '{word}': {hint}")


def _shown(cases: Sequence[Case]) -> Iterator[Result]:
    """The results, one component printed as soon as it is through, and all of them counted at the end."""
    everything: list[Result] = []
    width = max(len(f"{case.kind} {case.component}") for case in cases) if cases else 0
    for (kind, component), group in groupby(cases, lambda case: (case.kind, case.component)):
        results = [case.result() for case in group]
        everything += results
        click.echo("\n".join(_lines(f"{kind} {component}".ljust(width), results)))
    yield from everything
    failed, skipped = (sum(r.status == status for r in everything) for status in ("failed", "skipped"))
    seconds = sum(result.seconds for result in everything)
    verdict = click.style(f"{failed} failed", fg="red") if failed else click.style("all ok", fg="green")
    click.echo(f"{len(everything)} checks: {verdict}{f', {skipped} skipped' if skipped else ''}, in {seconds:.1f} s")


def _lines(title: str, results: Sequence[Result]) -> Iterator[str]:
    failed = sum(result.status == "failed" for result in results)
    verdict = click.style("failed", fg="red") if failed else click.style("ok    ", fg="green")
    yield f"{title}  {verdict}  {f'{failed} of ' if failed else ''}{len(results)} checks"
    for result in results:
        if result.status == "failed":
            yield f"  {click.style(result.check, bold=True)}: {printable(result.message)}"
            yield click.style(f"    help: {printable(result.remedy)}", fg="cyan")
        elif result.status == "skipped" and not result.message.startswith("needs '"):
            yield f"  {result.check} skipped: {printable(result.message)}"
