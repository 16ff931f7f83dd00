"""Whole runs: with other plugins' networks, from the README's specs, and across a stop."""

import re
from pathlib import Path

import ganreg_augment
import pytest
from ruamel.yaml import YAML

from ganreg import compose
from ganreg.engine.checkpoints import Checkpoints
from ganreg.engine.guards import unsound
from ganreg.engine.state import same

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
SPECS = re.findall(r"^```yaml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SMALL = {"name": "classic/dcgan", "width": 4, "max_width": 8}
EXAMPLES = {"chain": {"parts": ["flip", "blur"]}, "scheduled": {"base": "shift"}}
GAME = "proofs/tiny-standard"
TINY = {
    "generator": {"name": "proofs/tiny-generator", "normalized": True},
    "discriminator": "proofs/tiny-discriminator",
}
ADAM = dict.fromkeys(("generator", "discriminator"), "proofs/tiny-adam")
ADA = {"name": "ada", "initial": 0.5, "interval": 2, "length": 80}
RAMP = {"name": "scheduled", "base": "instance-noise", "parameter": "sigma", "start": 0.3, "end": 0, "steps": 5}


def classic(discriminator):
    stack = {"generator": SMALL, "discriminator": discriminator, "penalties": ["classic/r1"]}
    return pytest.param(stack, EXAMPLES, marks=pytest.mark.needs("ganreg-classic"), id=str(discriminator))


@pytest.mark.parametrize("component", ganreg_augment.COMPONENTS, ids=lambda c: c.name)
@pytest.mark.parametrize(
    ("stack", "examples"),
    [
        *map(classic, [SMALL, {"name": "classic/conv", "widths": [4]}, "classic/mlp"]),
        pytest.param({**TINY, "penalties": ["proofs/tiny-r1"]}, EXAMPLES | {"apa": {"base": GAME}}, id="proofs"),
    ],
)
def test_every_part_plays_with_others_networks(make_match, component, stack, examples):
    part = {"name": f"augment/{component.name}", **examples.get(component.name, {})}
    kind = "augment" if component.kind == "augmentation" else component.kind
    match = make_match(**{kind: part}, **stack, conditional=True)
    match.step()
    assert not unsound(match.networks)


@pytest.mark.needs("ganreg-classic", "ganreg-datasets")
@pytest.mark.parametrize("text", SPECS, ids=["ada", "noise", "apa", "simclr"])
def test_the_readmes_specs_pass_the_check_and_play(text):
    spec = YAML(typ="safe", pure=True).load(text)
    train = {"batch_size": 2, "device": "cpu"}
    compose(**spec, train=train).check()
    match = compose(**spec | {"generator": SMALL, "discriminator": SMALL}, train=train).assemble().match
    for _ in range(2):
        match.step()
    assert not unsound(match.networks)


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("augment", ADA, "augment"),
        ("augment", RAMP, "augment"),
        ("augment", {"name": "chain", "parts": [{"name": "scheduled", "base": ADA}, RAMP]}, "augment.parts.0.base"),
        ("game", {**ADA, "name": "apa", "base": GAME}, "game"),
        ("augment", "diffaugment", None),
    ],
    ids=["ada", "scheduled", "chain", "apa", "diffaugment"],
)
def test_three_steps_and_three_are_six(tmp_path, make_match, key, value, kept):
    """Bit for bit, the first three being all that a checkpoint on the disk holds."""
    whole, first, second = (make_match(**{key: value}, **TINY, optimizers=ADAM) for _ in range(3))
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
