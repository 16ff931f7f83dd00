"""Write what of the docs follows from the code: `make docs`. A test holds that it is up to date.

These are docs/spec.md, parts.md, cli.md and examples.md, and the decisions in the navigation of mkdocs.yml.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import click

from ganreg.cli.group import group
from ganreg.components import KINDS
from ganreg.registry import Registry, first_party
from ganreg.registry.discovery import installed
from ganreg.registry.registry import Offer
from ganreg.spec.runspec import RunSpec
from ganreg.spec.schema import component_schema, schema

FOLDER = Path(__file__).parent
CONFIGURATION = FOLDER.parent / "mkdocs.yml"
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

What the first-party plugins offer. `ganreg list` shows what is installed with you, `ganreg show NAME` one part. Under
each picture stands the spec that the generator was trained by, for about two minutes on two CPU cores;
`python docs/pictures.py` draws them all again.
"""
CLI_INTRODUCTION = """\
# Command line

Every command, as `ganreg COMMAND --help` tells it. What the exit codes mean is told in
[a first run](first-run.md#when-something-is-wrong).
"""
EXAMPLES_INTRODUCTION = """\
# Examples

Specs to run and to read, from `docs/examples/`. [Every key](spec.md), [every part](parts.md).
"""
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def pages() -> dict[Path, str]:
    """Each generated file with its text."""
    registry = Registry(installed(frozenset(first_party())))
    written = {
        "spec.md": spec_page(registry),
        "parts.md": parts_page(registry),
        "cli.md": cli_page(),
        "examples.md": examples_page(),
    }
    texts = {FOLDER / name: "\n".join([NOTE, *lines]) for name, lines in written.items()}
    return {**texts, CONFIGURATION: navigation()}


def spec_page(registry: Registry) -> Iterator[str]:
    """Every key of a spec file."""
    described = schema(registry)
    yield SPEC_INTRODUCTION
    yield from table(described["properties"], described["$defs"], required=_required())
    for name, field in RunSpec.model_fields.items():
        section = described["$defs"].get(_definition(field.annotation))
        if section:
            yield f"## `{name}`\n"
            yield f"{section['description']}\n"
            yield from table(section["properties"], described["$defs"], prefix=f"{name}.")


def parts_page(registry: Registry) -> Iterator[str]:
    """Every first-party component, below a table of them all."""
    kinds = {kind: offers for kind in KINDS if (offers := registry.offers(kind))}
    yield PARTS_INTRODUCTION
    yield "| kind | parts |"
    yield "|---|---|"
    for kind, offers in kinds.items():
        links = (f"[`{offer.component.name}`](#{kind}-{offer.component.name})" for offer in offers)
        yield f"| {kind} | {', '.join(links)} |"
    yield ""
    for kind, offers in kinds.items():
        yield f"## {kind.capitalize()}\n"
        for offer in offers:
            yield from part(offer)


def part(offer: Offer) -> Iterator[str]:
    """One component."""
    component, described = offer.component, component_schema(offer)
    parameters = {k: v for k, v in described["properties"].items() if k != "name"}
    yield f"### {component.kind} `{component.name}`\n"
    yield f"`{offer.id}`, from {offer.plugin.distribution.split()[0]}.\n"
    yield prose(inspect.cleandoc(component.__doc__ or "")) + "\n"
    for word in ("provides", "requires"):
        value = getattr(component, word)
        if isinstance(value, property):
            yield f"{word.capitalize()} what its parameters decide.\n"
        elif value:
            yield f"{word.capitalize()} {', '.join(f'`{v}`' for v in sorted(value))}.\n"
    if parameters:
        yield from table(parameters, described.get("$defs", {}), required=set(described["required"]))
    if component.kind == "generator":
        yield from picture(offer)


def picture(offer: Offer) -> Iterator[str]:
    """Samples of a generator, and the spec that they are from."""
    name = f"pictures/{offer.id.replace('/', '-')}"
    yield f"![Samples of {offer.id}]({name}.png)\n"
    yield from code("yaml", (FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def cli_page() -> Iterator[str]:
    """Every command with its arguments and options."""
    yield CLI_INTRODUCTION
    context = click.Context(group, info_name="ganreg", **group.context_settings)
    yield from command("ganreg", group, context)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield f"## `{name}`\n"
        yield from command(f"ganreg {name}", found, click.Context(found, parent=context, info_name=name))


def command(name: str, described: click.Command, context: click.Context) -> Iterator[str]:
    """How a command is called, what it does, and its options."""
    yield from code("text", " ".join([name, *described.collect_usage_pieces(context)]))
    for paragraph in inspect.cleandoc(described.help or "").split("\n\n"):
        if paragraph.startswith("\b\n"):  # click keeps the lines of these, which are examples
            yield from code("text", paragraph.removeprefix("\b\n"))
        else:
            yield prose(paragraph) + "\n"
    yield "| option | meaning |"
    yield "|---|---|"
    for parameter in described.get_params(context):
        record = parameter.get_help_record(context)
        if record and isinstance(parameter, click.Option):
            yield f"| `{record[0]}` | {record[1]} |"
    yield ""


def examples_page() -> Iterator[str]:
    """Every example, its first comment as text."""
    yield EXAMPLES_INTRODUCTION
    for path in sorted((FOLDER / "examples").glob("*.yaml")):
        lines = path.read_text(encoding="utf-8").splitlines()
        comment = list(takewhile(lambda line: line.startswith("#"), lines))
        yield f"## [{path.name}](examples/{path.name})\n"
        yield " ".join(line.removeprefix("# ") for line in comment) + "\n"
        yield from code("yaml", "\n".join(lines[len(comment) :]))


def navigation() -> str:
    """mkdocs.yml, with every decision in its navigation."""
    decisions = "".join(f"      - decisions/{path.name}\n" for path in sorted((FOLDER / "decisions").glob("*.md")))
    text = CONFIGURATION.read_text(encoding="utf-8")
    return re.sub(r"(\n  - Decisions:.*\n)(?:      - .*\n)*", rf"\g<1>{decisions}", text)


def code(language: str, text: str) -> Iterator[str]:
    """A block of code."""
    yield f"```{language}\n{text.strip()}\n```\n"


def prose(text: str) -> str:
    """Text with papers as links."""
    return re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", text)


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
    bounds = " and ".join(f"{sign} {number(value[key])}" for key, sign in BOUNDS.items() if key in value)
    kind = value.get("type", "any")
    if kind == "array":
        inner = value.get("items") or (value.get("prefixItems") or [{}])[0]
        kind = f"list of {words(inner)}"
    if kind == "object":
        inner = value.get("additionalProperties")
        kind = f"mapping to {words(inner)}" if isinstance(inner, dict) else "mapping"
    return f"{kind} {bounds}".strip()


def number(value: float) -> str:
    """A bound in digits; a large power of two as one."""
    exponent = int(value).bit_length() - 1
    return f"2^{exponent}" if exponent > 16 and value == 2**exponent else f"{value:g}"


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
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(FOLDER.parent))
