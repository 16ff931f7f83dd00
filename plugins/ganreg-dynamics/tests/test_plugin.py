"""What the distribution offers, what importing it costs, what its README promises, and how it composes."""

import re
import subprocess
import sys
from importlib.metadata import distribution, entry_points
from io import StringIO
from pathlib import Path

import ganreg_dynamics
import pytest
from ruamel.yaml import YAML

from ganreg import component, compose
from ganreg.engine.guards import unsound

FOLDER = Path(__file__).parent.parent
README = (FOLDER / "README.md").read_text(encoding="utf-8")
SPECS = [YAML(typ="safe", pure=True).load(StringIO(block)) for block in re.findall(r"```yaml\n(.*?)```", README, re.S)]
PARTS = pytest.mark.parametrize("part", ganreg_dynamics.COMPONENTS, ids=lambda c: f"{c.kind}-{c.name}")
SCHEDULES = [c for c in ganreg_dynamics.COMPONENTS if c.kind == "schedule"]
SMALL = {"intense_steps": 2, "unrolled_steps": 2}
CLASSIC = pytest.mark.needs("ganreg-classic")
MLP, DCGAN = {"name": "classic/mlp", "widths": [6]}, {"name": "classic/dcgan", "width": 4}
PROOFS = {
    "generator": {"name": "proofs/tiny-generator", "normalized": True},
    "discriminator": "proofs/tiny-discriminator",
    "loss": "proofs/tiny-hinge",
    "penalties": ["proofs/tiny-r1"],
    "game": "proofs/tiny-standard",
    "optimizers": dict.fromkeys(("generator", "discriminator"), "proofs/tiny-adam"),
}


def classic(network, loss, penalty):
    """A stack, and no base for the schedules around others: that, as all else, is left to the defaults."""
    stack = {"generator": network, "discriminator": network, "loss": loss, "penalties": [penalty]}
    return pytest.param(stack, {}, marks=CLASSIC, id=loss)


STACKS = [
    classic(MLP, "classic/wasserstein", "classic/gradient-penalty"),
    classic(DCGAN, "classic/hinge", "classic/r1"),
    classic(DCGAN, "classic/least-squares", "classic/weight-clipping"),
    pytest.param(PROOFS, {"base": "proofs/tiny-alternating"}, id="proofs"),
]


def test_the_distribution_is_found_by_its_entry_point():
    (found,) = entry_points(group="ganreg.plugins", name="dynamics")
    assert found.load() is ganreg_dynamics
    assert found.dist.name == "ganreg-dynamics"
    assert "ganreg-plugin" in distribution("ganreg-dynamics").metadata["Keywords"].split(",")


def test_importing_the_plugin_imports_no_torch():
    code = "import sys, ganreg_dynamics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@PARTS
def test_every_part_stands_in_the_readme(part):
    assert f"`{part.name}`" in README


def test_the_readme_has_specs():
    assert len(SPECS) == 4


@CLASSIC
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: str(spec.get("schedule") or spec.get("optimizers"))[:40])
def test_the_readmes_specs_train(spec, pictures, registry):
    small = {"data": pictures(image=(1, 8, 8), single=True)} if spec["data"] != "eight-gaussians" else {}
    widths = {key: {**spec[key], "width": 4} for key in ("generator", "discriminator") if spec[key]["name"] == "dcgan"}
    train = {"train": {"batch_size": 4, "device": "cpu"}}
    match = compose(registry=registry, **{"latent": 8, **spec, **small, **widths, **train}).assemble().match
    for _ in range(2):
        match.step()
    assert not unsound(match.networks)


@pytest.mark.parametrize(("stack", "around"), STACKS)
@pytest.mark.parametrize("part", SCHEDULES, ids=lambda c: c.name)
def test_every_schedule_composes_with_other_parts(part, stack, around, pictures, registry):
    parameters = {name: value for name, value in {**SMALL, **around}.items() if name in part.model_fields}
    run = compose(
        registry=registry,
        data=pictures(image=(1, 8, 8), single=True),
        **stack,
        schedule=component("schedule", f"dynamics/{part.name}", registry=registry, **parameters),
        latent=8,
        train={"batch_size": 4, "accumulate": 2, "device": "cpu"},
    )
    run.check()
    match = run.assemble().match
    for _ in range(2):
        match.step()
    assert not unsound(match.networks)
