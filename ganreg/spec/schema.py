"""The JSON Schema of a spec file, with everything that is installed: editors complete and check with it."""

from __future__ import annotations

from typing import Any

from pydantic import PydanticUserError

from ganreg.components import KIND_MARKER, KINDS
from ganreg.components.base import broken
from ganreg.errors import PluginError
from ganreg.registry import Offer, Registry
from ganreg.spec.runspec import RunSpec

_CHANGES = {
    "type": "object",
    "not": {"required": ["name"]},
    "description": "parameters for the part that the extended file names",
}
_REFERENCES = "#/$defs/component.{}"


def schema(registry: Registry) -> dict[str, Any]:
    """The schema of a spec file (JSON Schema 2020-12)."""
    made = RunSpec.model_json_schema()
    made["title"] = "ganreg spec"
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["properties"]["extends"] = {"type": "string", "description": "another spec file that this one builds on"}
    made["required"] = []
    definitions = made.setdefault("$defs", {})
    for kind in KINDS:
        definitions[f"component.{kind}"] = _kind(kind, registry, definitions)
    linked: dict[str, Any] = _linked(made)
    return linked


def component_schema(offer: Offer) -> dict[str, Any]:
    """The schema of one component's mapping in a spec. Raises PluginError for a class that has none."""
    try:
        described = offer.component.model_json_schema()
    except PydanticUserError as error:
        raise PluginError(f"{broken(offer.component, error)}\n  help: mend {offer.plugin.distribution}") from error
    described.setdefault("properties", {})
    described["properties"] = {"name": {"enum": [offer.component.name, offer.id]}, **described["properties"]}
    described["required"] = ["name", *described.get("required", [])]
    described["additionalProperties"] = False
    return described


def _kind(kind: str, registry: Registry, definitions: dict[str, Any]) -> dict[str, Any]:
    """A name, or one of the mappings. What a component's own schema defines moves up beside the kinds."""
    offers = registry.offers(kind)
    names: list[str] = []
    mappings: list[dict[str, Any]] = []
    for offer in offers:
        try:
            described = component_schema(offer)
        except PluginError:  # the others are offered all the same; `ganreg show` says what is wrong with this one
            continue
        definitions.update(described.pop("$defs", {}))
        mappings.append(described)
        names += [offer.component.name, offer.id]
    return {"anyOf": [{"enum": sorted(set(names))}, *mappings, _CHANGES]} if offers else {"not": {}}


def _linked(value: Any) -> Any:
    """The schema with every mark of a kind turned into a reference to that kind's definition."""
    if isinstance(value, list):
        return [_linked(item) for item in value]
    if not isinstance(value, dict):
        return value
    linked = {key: _linked(item) for key, item in value.items() if key != KIND_MARKER}
    if KIND_MARKER in value:
        linked["$ref"] = _REFERENCES.format(value[KIND_MARKER])
    return linked
