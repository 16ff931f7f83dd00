"""Whole runs: with classic's networks, from the README's specs, and across a stop."""

import re
from pathlib import Path

import ganreg_penalties
import pytest
from ruamel.yaml import YAML

from ganreg import compose
from ganreg.engine.checkpoints import Checkpoints
from ganreg.engine.state import same

pytestmark = pytest.mark.needs("ganreg-classic", "ganreg-datasets")

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
SPECS = re.findall(r"^```yaml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SMALL = {
    "generator": {"name": "classic/dcgan", "width": 4, "max_width": 8},
    "discriminator": {"name": "classic/dcgan", "width": 4, "max_width": 8},
    "latent": 8,
    "train": {"steps": 6, "batch_size": 4, "device": "cpu"},
}


@pytest.mark.parametrize("component", [c for c in ganreg_penalties.COMPONENTS if c.kind == "penalty"], ids=str)
@pytest.mark.parametrize("discriminator", ["dcgan", "conv", "mlp"])
def test_every_penalty_plays_with_classics_networks(parts, component, discriminator):
    sizes = {"dcgan": {"width": 4}, "conv": {"widths": [4]}, "mlp": {"widths": [8]}}
    spec = {
        **SMALL,
        "data": parts["pictures"](image=(1, 8, 8), double=False),
        "discriminator": {"name": f"classic/{discriminator}", **sizes[discriminator]},
        "loss": "classic/hinge",
        "penalties": [f"penalties/{component.name}"],
        "conditional": True,
    }
    compose(**spec).assemble().match.step()


@pytest.mark.parametrize("text", SPECS, ids=["icr", "lazy"])
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
    match.guard.check(match.networks)


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("penalties", [{"name": "path-length", "every": 2}], "penalties.path-length"),
        ("penalties", [{"name": "lecam"}], "penalties.lecam"),
        ("penalties", [{"name": "historical-averaging", "side": "generator"}], "penalties.historical-averaging"),
        ("discriminator", {"name": "spectral", "base": SMALL["discriminator"]}, None),
        ("optimizers", {"discriminator": {"name": "lazy", "base": "adam"}}, None),
    ],
    ids=["path-length", "lecam", "historical-averaging", "spectral", "lazy"],
)
def test_three_steps_and_three_are_six(tmp_path, parts, key, value, kept):
    """Bit for bit, the first three being all that a checkpoint on the disk holds."""
    data = parts["pictures"](image=(1, 8, 8), double=False)
    run = compose(**{**SMALL, "data": data, "loss": "classic/hinge", key: value})
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
