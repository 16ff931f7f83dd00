"""A spec as YAML, every default written out and every component by its id."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from typing import Any

from ganreg.registry import Registry
from ganreg.spec.runspec import RunSpec


def plain(spec: RunSpec, registry: Registry) -> dict[str, Any]:
    """The spec as plain data."""
    return spec.model_dump(mode="json", context={"registry": registry})


def to_yaml(spec: RunSpec, registry: Registry) -> str:
    """The spec as a YAML document that reads back to an equal spec."""
    return as_yaml(plain(spec, registry))


def as_yaml(data: Mapping[str, Any]) -> str:
    """Plain data as a YAML document that reads back to equal data."""
    from ruamel.yaml import YAML

    stream = StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.width = 2**16
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump(data, stream)
    return stream.getvalue()
