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
SOUND: dict[str, Any] = {"data": "fashion-mnist-10k", "generator": "dcgan", "discriminator": "dcgan", "loss": "hinge"}


def faults(spec: dict[str, Any]) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(spec)]


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_every_example_is_valid(path: Path) -> None:
    assert faults(YAML(typ="safe", pure=True).load(path)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"latent": 64},
        {"latent": {"size": 64, "distribution": "uniform"}},
        {"loss": {"name": "classic/hinge", "margin": 2}},
        {"penalties": ["r1", {"name": "gradient-penalty", "weight": 3}]},
        {"optimizers": {"generator": {"name": "adam", "betas": [0, 0.9]}}},
        {"ema": None},
        {"extends": "base.yaml"},
    ],
)
def test_what_is_right_is_right(change: dict[str, Any]) -> None:
    assert faults({**SOUND, **change}) == []


@pytest.mark.parametrize(
    "change",
    [
        {"generator": "dcgn"},
        {"generator": "hinge"},
        {"generator": {"name": "dcgan", "widht": 3}},
        {"loss": {"name": "hinge", "margin": -1}},
        {"latent": 0},
        {"train": {"stps": 3}},
        {"colour": "red"},
        {"penalties": "r1"},
    ],
)
def test_what_is_wrong_is_wrong(change: dict[str, Any]) -> None:
    assert faults({**SOUND, **change})
