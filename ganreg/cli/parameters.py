"""A component's parameters in words, from its JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ganreg.components import KIND_MARKER

Schema = Mapping[str, Any]

BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
WORDS = {"integer": "integer", "number": "number", "boolean": "true or false", "null": "null"}


def parameters(schema: Schema) -> Iterator[tuple[str, str]]:
    """Each parameter's name, and its description with type, range and default; `name` is not a parameter."""
    required, definitions = schema.get("required", ()), schema.get("$defs", {})
    for name, described in schema["properties"].items():
        if name != "name":
            facts = [values(described, definitions)]
            facts.append("required" if name in required else f"default: {json.dumps(described.get('default'))}")
            yield name, f"{described.get('description', '')}  [{'; '.join(facts)}]".lstrip()


def values(schema: Schema, definitions: Schema) -> str:
    """Which values a schema takes: "integer > 0", "null", "list of number", …"""
    if KIND_MARKER in schema:
        kind = schema[KIND_MARKER]
        return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}, by name or as a mapping"
    if "$ref" in schema:
        return values(definitions.get(schema["$ref"].rpartition("/")[2], {}), definitions)
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " or ".join(map(json.dumps, schema["enum"]))
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return " or ".join(dict.fromkeys(values(one, definitions) for one in schema[choice]))
    return _of_type(schema, definitions)


def _of_type(schema: Schema, definitions: Schema) -> str:
    match schema.get("type"):
        case "array" if "prefixItems" in schema:
            return "[" + ", ".join(values(item, definitions) for item in schema["prefixItems"]) + "]"
        case "array":
            items = values(schema.get("items", {}), definitions)
            return f"list of {items}" + (f", at least {schema['minItems']}" if schema.get("minItems") else "")
        case "object":
            inner = schema.get("additionalProperties")
            return f"mapping of names to {values(inner, definitions)}" if isinstance(inner, Mapping) else "mapping"
        case "string" if "pattern" in schema:
            return f"text that matches {schema['pattern']}"
        case "string":
            return "path" if schema.get("format") == "path" else "text"
    bounds = [f"{sign} {schema[key]}" for key, sign in BOUNDS.items() if key in schema]
    return " ".join([WORDS.get(schema.get("type", ""), "any value"), " and ".join(bounds)]).rstrip()
