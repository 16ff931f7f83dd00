"""Whole runs: with classic's networks and the smallest ones, from the README's specs, and across a stop."""

import re
from pathlib import Path

import ganreg_penalties
import pytest
from ruamel.yaml import YAML

from ganreg import compose
from ganreg.engine.checkpoints import Checkpoints
from ganreg.engine.guards import unsound
from ganreg.engine.state import same

AUGMENT = pytest.mark.needs("ganreg-augment")
README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
README_SPECS = [
    pytest.param(text, id=name, marks=marks)
    for text, name, marks in zip(
        re.findall(r"^```yaml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL),
        ["icr", "lazy"],
        [AUGMENT, ()],
        strict=True,
    )
]
SHORT = {"latent": 8, "train": {"steps": 6, "batch_size": 4, "device": "cpu"}}
SMALLEST = {
    **SHORT,
    "generator": {"name": "proofs/tiny-generator", "normalized": True},
    "discriminator": "proofs/tiny-discriminator",
    "loss": "proofs/tiny-hinge",
    "game": "proofs/tiny-standard",
    "schedule": "proofs/tiny-alternating",
    "optimizers": dict.fromkeys(["generator", "discriminator"], "proofs/tiny-adam"),
}
PENALTIES = [c for c in ganreg_penalties.COMPONENTS if c.kind == "penalty"]
AUGMENTING = [c for c in PENALTIES if "augment" in c.model_fields]


@pytest.fixture
def data(parts):
    return parts["pictures"](image=(1, 8, 8), double=False)


@pytest.mark.needs("ganreg-classic")
@pytest.mark.parametrize(
    "component", [pytest.param(c, id=c.name, marks=AUGMENT if c in AUGMENTING else ()) for c in PENALTIES]
)
@pytest.mark.parametrize("discriminator", ["dcgan", "conv", "mlp"])
def test_every_penalty_plays_with_classics_networks(data, component, discriminator):
    sizes = {"dcgan": {"width": 4}, "conv": {"widths": [4]}, "mlp": {"widths": [8]}}
    spec = {
        **SHORT,
        "data": data,
        "generator": {"name": "classic/dcgan", "width": 4, "max_width": 8},
        "discriminator": {"name": f"classic/{discriminator}", **sizes[discriminator]},
        "loss": "classic/hinge",
        "penalties": [f"penalties/{component.name}"],
        "conditional": True,
    }
    compose(**spec).assemble().match.step()


@pytest.mark.parametrize("component", PENALTIES, ids=lambda c: c.name)
def test_every_penalty_plays_with_the_smallest_networks(data, component):
    others = {"augment": {"name": "proofs/tiny-ada", "initial": 1}} if component in AUGMENTING else {}
    penalty = {"name": f"penalties/{component.name}", **others}
    compose(**SMALLEST, data=data, penalties=[penalty], conditional=True).assemble().match.step()


@pytest.mark.needs("ganreg-classic", "ganreg-datasets")
@pytest.mark.parametrize("text", README_SPECS)
def test_the_readmes_specs_pass_the_check_and_play(text):
    spec = YAML(typ="safe", pure=True).load(text)
    run = compose(**spec, train={"batch_size": 2, "device": "cpu"})
    assert len(run.check().terms) >= 4
    small = {"width": 4, "max_width": 8}
    base = spec["discriminator"]
    spec["generator"] = {"name": "dcgan", **small}
    spec["discriminator"] = {"name": "spectral", "base": {"name": "dcgan", **small}} if base != "dcgan" else base
    match = compose(**spec, train={"batch_size": 2, "device": "cpu"}).assemble().match
    for _ in range(2):
        match.step()
    assert not unsound(match.networks)


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("penalties", [{"name": "path-length", "every": 2}], "penalties.path-length"),
        ("penalties", [{"name": "lecam"}], "penalties.lecam"),
        ("penalties", [{"name": "historical-averaging", "side": "generator"}], "penalties.historical-averaging"),
        ("discriminator", {"name": "spectral", "base": SMALLEST["discriminator"]}, None),
        ("optimizers", {p: {"name": "lazy", "base": "proofs/tiny-adam"} for p in SMALLEST["optimizers"]}, None),
    ],
    ids=["path-length", "lecam", "historical-averaging", "spectral", "lazy"],
)
def test_three_steps_and_three_are_six(tmp_path, data, key, value, kept):
    """Bit for bit, the first three being all that a checkpoint on the disk holds."""
    run = compose(**{**SMALLEST, "data": data, key: value})
    whole, first, second = (run.assemble().match for _ in range(3))
    for _ in range(6):
        whole.step()
    for _ in range(3):
        first.step()
    checkpoints = Checkpoints(tmp_path, keep=1)
    checkpoints.save(first.state())
    halfway, _ = checkpoints.newest()
    second.load(halfway)
    for _ in range(3):
        second.step()
    assert same(second.state(), whole.state())
    assert not same(halfway["networks"], whole.state()["networks"])
    if kept:
        assert not same(halfway["parts"][kept], whole.state()["parts"][kept])
