"""`ganreg show`: one component in full."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from ganreg.cli.app import App
from ganreg.cli.kinds import KINDS, parse, plural

if TYPE_CHECKING:
    from ganreg.registry import Offer, Registry

PLACES = {
    "dataset": "data: {}",
    "penalty": "penalties: [{}]",
    "augmentation": "augment: {}",
    "optimizer": "optimizers: {{generator: {}}}",
    "metric": "metrics: [{}]",
    "extractor": "metrics: [{{name: <metric>, extractor: {}}}]",
    "observer": "observers: [{}]",
}
"""Where a spec names a kind; under the kind itself where nothing stands here."""


@click.command("show")
@click.argument("words", nargs=-1, required=True, metavar="[KIND] NAME")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, the parameters as JSON Schema.")
@click.pass_context
def command(context: click.Context, words: tuple[str, ...], as_json: bool) -> None:
    """Show what a component does and takes.

    NAME is a bare name or an id, such as dcgan or classic/dcgan. Without KIND, a name that stands for components of
    several kinds shows them all.
    """
    if len(words) > 2:
        raise click.UsageError("give a name, or a kind and a name")
    app: App = context.obj
    kind = parse(context, None, words[0]) if len(words) == 2 else None
    offers = _find(app.registry, kind, words[-1])
    if as_json:
        click.echo(json.dumps([_record(offer) for offer in offers], indent=2))
    else:
        click.echo("\n\n".join(_text(offer, app.registry) for offer in offers))


def _find(registry: Registry, kind: str | None, name: str) -> Sequence[Offer]:
    """Everything of that name or id. Raises PluginError for an id of a broken plugin, SpecError where there is none."""
    from ganreg.errors import Mistake, PluginError, SpecError

    offers = registry.named(name, kind)
    if offers:
        return offers
    namespace = name.rpartition("/")[0]
    problem = registry.listing(namespace).problem if namespace in registry.namespaces else None
    if problem:
        raise PluginError(f"plugin '{namespace}' cannot be used: {problem.cause}\n  help: {problem.remedy}")
    raise SpecError([Mistake(f"no {kind or 'component'} is called '{name}'", hint=_hint(registry, kind, name))])


def _hint(registry: Registry, kind: str | None, name: str) -> str:
    if name in KINDS:
        return f"`ganreg list {plural(name)}` shows what is installed of this kind"
    if remedy := registry.what_brings(name, kind):
        return remedy
    entries = [(li.namespace, e.name) for li in registry.listings() for e in li.entries if kind in (None, e.kind)]
    known = {n for namespace, bare in entries for n in (bare, f"{namespace}/{bare}")}
    near = get_close_matches(name, sorted(known), n=3)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"`ganreg list{f' {plural(kind)}' if kind else ''}` shows what is installed{registry.broken()}"


def _record(offer: Offer) -> dict[str, Any]:
    from ganreg.spec.schema import component_schema

    component = offer.component
    return {
        "kind": component.kind,
        "name": component.name,
        "id": offer.id,
        "distribution": offer.plugin.distribution,
        "documentation": _documentation(offer),
        **{key: value for key, value in _properties(offer).items() if value not in (None, "")},
        "schema": component_schema(offer),
    }


def _documentation(offer: Offer) -> str:
    return inspect.cleandoc(offer.component.__doc__ or "")


def _properties(offer: Offer) -> dict[str, Any]:
    """Its player, and what it provides and requires; None where parameters decide."""
    found: dict[str, Any] = {}
    for name in ("player", "provides", "requires"):
        value = getattr(offer.component, name, "")
        found[name] = None if isinstance(value, property) else value if isinstance(value, str) else sorted(value)
    return found


def _text(offer: Offer, registry: Registry) -> str:
    from ganreg.cli.parameters import parameters
    from ganreg.spec.schema import component_schema

    schema = component_schema(offer)
    writer = click.HelpFormatter(max_width=100)
    title = click.style(f"{offer.component.kind} {offer.component.name}", bold=True)
    writer.write(f"{title}  {offer.id}, {offer.plugin.distribution}\n\n{_documentation(offer)}\n")
    rows = list(parameters(schema))
    if rows:
        with writer.section("Parameters"):
            writer.write_dl(rows)
    writer.write_paragraph()
    for name, value in _properties(offer).items():
        if value or value is None:
            shown = value if isinstance(value, str) else ", ".join(value or ["what its parameters decide"])
            writer.write(f"{name.capitalize()}: {shown}\n")
    writer.write(f"In a spec: {example(offer, schema, registry)}")
    return writer.getvalue()


def example(offer: Offer, schema: dict[str, Any], registry: Registry) -> str:
    """A line of a spec with the component, its required parameters and one of the others."""
    kind, name = offer.component.kind, offer.component.name
    if sum(listing.offers(kind, name) for listing in registry.listings()) > 1:
        name = offer.id
    others = {key: value for key, value in schema["properties"].items() if key != "name"}
    required = [key for key in others if key in schema["required"]]
    chosen = [f"{key}: <{key}>" for key in required]
    chosen += [f"{k}: {json.dumps(v['default'])}" for k, v in others.items() if k not in required and "default" in v][
        :1
    ]
    written = f"{{name: {name}, {', '.join(chosen)}}}" if chosen else name
    return PLACES.get(kind, f"{kind}: {{}}").format(written)
