"""The JSON Schema says of a spec what the validation says."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from ganreg.registry import Registry
from ganreg.spec.schema import schema

EXAMPLES = sorted((Path(__file__).parents[2] / "docs" / "examples").glob("*.yaml"))
SCHEMA = schema(Registry.discover())
SOUND: dict[str, Any] = {
    "data": "tiny-pictures",
    "generator": "tiny-generator",
    "discriminator": "tiny-discriminator",
    "loss": "tiny-hinge",
}


def faults(spec: dict[str, Any]) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(spec)]


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.needs("ganreg-classic", "ganreg-datasets")
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_every_example_is_valid(path: Path) -> None:
    assert faults(YAML(typ="safe", pure=True).load(path)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"latent": 64},
        {"latent": {"size": 64, "distribution": "uniform"}},
        {"loss": {"name": "proofs/tiny-hinge", "margin": 2}},
        {"penalties": ["tiny-r1", {"name": "tiny-path-length", "weight": 3}]},
        {"optimizers": {"generator": {"name": "tiny-adam", "betas": [0, 0.9]}}},
        {"ema": None},
        {"extends": "base.yaml"},
    ],
)
def test_what_is_right_is_right(change: dict[str, Any]) -> None:
    assert faults({**SOUND, **change}) == []


@pytest.mark.parametrize(
    "change",
    [
        {"generator": "tiny-genrator"},
        {"generator": "tiny-hinge"},
        {"generator": {"name": "tiny-generator", "widht": 3}},
        {"loss": {"name": "tiny-hinge", "margin": -1}},
        {"latent": 0},
        {"train": {"stps": 3}},
        {"colour": "red"},
        {"penalties": "tiny-r1"},
    ],
)
def test_what_is_wrong_is_wrong(change: dict[str, Any]) -> None:
    assert faults({**SOUND, **change})
