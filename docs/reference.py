"""Write docs/spec.md and docs/parts.md from the registry: `make docs`. A test holds that they are up to date."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganreg.components import KINDS
from ganreg.registry import Registry, first_party
from ganreg.registry.discovery import installed
from ganreg.registry.registry import Offer
from ganreg.spec.runspec import RunSpec
from ganreg.spec.schema import component_schema, schema

FOLDER = Path(__file__).parent
NOTE = "<!-- Written by docs/reference.py from the code: run `make docs`. -->\n"
SPEC_INTRODUCTION = """\
# The spec

Every key of a spec file. Any value is reached by its path: `--set train.steps=200`. A component is given by name
(`loss: hinge`), by id where a name is ambiguous (`loss: classic/hinge`), or as a mapping with parameters
(`loss: {name: hinge, margin: 2}`); [all parts](parts.md). `extends: other.yaml` builds on another file in the same
folder or below it. `ganreg schema` prints the JSON Schema of all this, for editors.
"""
PARTS_INTRODUCTION = """\
# Parts

What the first-party plugins offer. `ganreg list` shows what is installed with you, `ganreg show NAME` one part.
"""
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def pages() -> dict[str, str]:
    """Each generated page by its file name."""
    registry = Registry(installed(frozenset(first_party())))
    return {"spec.md": "\n".join(spec_page(registry)), "parts.md": "\n".join(parts_page(registry))}


def spec_page(registry: Registry) -> Iterator[str]:
    """Every key of a spec file."""
    described = schema(registry)
    yield NOTE
    yield SPEC_INTRODUCTION
    yield from table(described["properties"], described["$defs"], required=_required())
    for name, field in RunSpec.model_fields.items():
        section = described["$defs"].get(_definition(field.annotation))
        if section:
            yield f"## `{name}`\n"
            yield f"{section['description']}\n"
            yield from table(section["properties"], described["$defs"], prefix=f"{name}.")


def parts_page(registry: Registry) -> Iterator[str]:
    """Every first-party component."""
    yield NOTE
    yield PARTS_INTRODUCTION
    for kind in KINDS:
        offers = registry.offers(kind)
        if offers:
            yield f"## {kind.capitalize()}\n"
        for offer in offers:
            yield from part(offer)


def part(offer: Offer) -> Iterator[str]:
    """One component."""
    described = component_schema(offer)
    parameters = {k: v for k, v in described["properties"].items() if k != "name"}
    yield f"### `{offer.component.name}`\n"
    yield f"`{offer.id}`, from {offer.plugin.distribution.split()[0]}.\n"
    yield inspect.cleandoc(offer.component.__doc__ or "") + "\n"
    for word in ("provides", "requires"):
        value = getattr(offer.component, word)
        if value:
            yield f"{word.capitalize()}: {', '.join(f'`{v}`' for v in sorted(value))}.\n"
    if parameters:
        yield from table(parameters, described.get("$defs", {}), required=set(described["required"]))


def table(
    properties: dict[str, Any], definitions: dict[str, Any], *, prefix: str = "", required: set[str] | None = None
) -> Iterator[str]:
    """Properties as a table."""
    yield "| key | type | default | meaning |"
    yield "|---|---|---|---|"
    for name, value in properties.items():
        default = "**required**" if name in (required or ()) else f"`{json.dumps(value.get('default'))}`"
        if _is_section(value, definitions):
            default = "see below"
        yield f"| `{prefix}{name}` | {words(value)} | {default} | {value.get('description', '')} |"
    yield ""


def words(value: dict[str, Any]) -> str:
    """A type in words, with its bounds."""
    if "anyOf" in value:
        return " or ".join(words(option) for option in value["anyOf"])
    if "enum" in value or "const" in value:
        return " or ".join(f"`{json.dumps(option)}`" for option in value.get("enum", [value.get("const")]))
    if "$ref" in value:
        target = value["$ref"].rpartition("/")[2]
        return target.removeprefix("component.") if target.startswith("component.") else "mapping"
    bounds = " and ".join(f"{sign} {value[key]:g}" for key, sign in BOUNDS.items() if key in value)
    kind = value.get("type", "any")
    if kind == "array":
        inner = value.get("items") or (value.get("prefixItems") or [{}])[0]
        kind = f"list of {words(inner)}"
    if kind == "object":
        inner = value.get("additionalProperties")
        kind = f"mapping to {words(inner)}" if isinstance(inner, dict) else "mapping"
    return f"{kind} {bounds}".strip()


def _is_section(value: dict[str, Any], definitions: dict[str, Any]) -> bool:
    references = [value.get("$ref", ""), *(option.get("$ref", "") for option in value.get("anyOf", ()))]
    targets = [r.rpartition("/")[2] for r in references if r]
    return any(t in definitions and not t.startswith("component.") for t in targets)


def _definition(annotation: Any) -> str:
    options = [annotation, *getattr(annotation, "__args__", ())]
    return next((o.__name__ for o in options if hasattr(o, "model_fields") and not hasattr(o, "kind")), "")


def _required() -> set[str]:
    return {name for name, field in RunSpec.model_fields.items() if field.is_required()}


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"docs/{name}")
