"""What the distribution offers, what importing it costs, what its README promises, and how it composes."""

import re
import subprocess
import sys
from importlib.metadata import distribution, entry_points
from io import StringIO
from pathlib import Path

import ganreg_losses
import pytest
from ruamel.yaml import YAML

from ganreg import component, compose
from ganreg.engine.guards import unsound
from ganreg.errors import SpecError

FOLDER = Path(__file__).parent.parent
README = (FOLDER / "README.md").read_text(encoding="utf-8")
SPECS = [YAML(typ="safe", pure=True).load(StringIO(block)) for block in re.findall(r"```yaml\n(.*?)```", README, re.S)]
CLASSIC = pytest.mark.needs("ganreg-classic")


def name_of(part):
    return f"{part.kind}-{part.name}"


def stands_on_classic(part):
    return any(str(field.default).startswith("classic/") for field in part.model_fields.values())


PARTS = [
    pytest.param(part, id=name_of(part), marks=CLASSIC if stands_on_classic(part) else ())
    for part in ganreg_losses.COMPONENTS
]


def test_the_distribution_is_found_by_its_entry_point():
    (found,) = entry_points(group="ganreg.plugins", name="losses")
    assert found.load() is ganreg_losses
    assert found.dist.name == "ganreg-losses"
    assert "ganreg-plugin" in distribution("ganreg-losses").metadata["Keywords"].split(",")


def test_importing_the_plugin_imports_no_torch():
    code = "import sys, ganreg_losses; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("part", PARTS)
def test_every_part_has_defaults(part, registry):
    made = component(part.kind, f"losses/{part.name}", registry=registry)
    assert type(made) is part


@pytest.mark.parametrize("part", ganreg_losses.COMPONENTS, ids=name_of)
def test_every_part_stands_in_the_readme(part):
    assert f"`{part.name}`" in README


def test_the_readme_has_specs():
    assert len(SPECS) == 2


@pytest.mark.needs("ganreg-classic", "ganreg-datasets")
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: str(spec["loss"]))
def test_the_readmes_specs_train(spec):
    run = compose(**{**spec, "latent": 8, "train": {"batch_size": 4, "device": "cpu"}})
    run.check()
    match = run.assemble().match
    for _ in range(2):
        match.step()
    assert not unsound(match.networks)


LOSSES = [c for c in ganreg_losses.COMPONENTS if c.kind == "loss"]
PENALTIES = [c for c in ganreg_losses.COMPONENTS if c.kind == "penalty"]
HEAD = {"rotation": "rotation-head", "codes": "code-head", "local": "infomax-head", "outcomes": "outcomes-head"}
BASES = [
    {"name": "classic/dcgan", "width": 4},
    {"name": "classic/conv", "widths": [4]},
    {"name": "classic/mlp", "widths": [8]},
]


AUTOENCODER = {"name": "losses/autoencoder", "widths": [4], "code": 4}
INNER = {"base": "proofs/tiny-non-saturating", "features": AUTOENCODER}
"""For the fields of losses and penalties that hold another part, which by default is classic's."""


@CLASSIC
@pytest.mark.parametrize("base", BASES, ids=lambda base: base["name"])
@pytest.mark.parametrize("part", [*LOSSES, *PENALTIES], ids=name_of)
def test_every_part_composes_with_the_classic_networks(part, base, plays_a_step, registry):
    made = component(part.kind, f"losses/{part.name}", registry=registry)
    plays_a_step(made, base, generator={"name": "classic/dcgan", "width": 4}, loss="classic/wasserstein")


@pytest.mark.parametrize("part", [*LOSSES, *PENALTIES], ids=name_of)
def test_every_part_composes_with_the_smallest_networks(part, plays_a_step, textbook, registry):
    made = component(part.kind, f"losses/{part.name}", registry=registry, **inner(part))
    networks = {"generator": "proofs/tiny-generator", "loss": "proofs/tiny-wasserstein"}
    plays_a_step(made, AUTOENCODER, **networks, **textbook)


def inner(part):
    return {name: value for name, value in INNER.items() if name in part.model_fields}


@pytest.fixture
def plays_a_step(pictures, registry):
    """Whether a part does, with the head that it needs; or is refused, where it has no sources or no places."""

    def plays_a_step(made, base, **spec):
        heads = [{"name": HEAD[word], "base": base} for word in made.requires if word in HEAD]
        spec = {
            "data": pictures(image=(1, 8, 8), single=True),
            "discriminator": heads[0] if heads else base,
            "latent": 8,
            "train": {"batch_size": 4, "device": "cpu"},
            **spec,
            **({"loss": made} if made.kind == "loss" else {"penalties": [made]}),
        }
        placeless = made.name == "infomax" and base["name"] == "classic/mlp"
        if placeless or made.name in ("reconstruction", "cycle", "identity", "perceptual"):
            with pytest.raises(SpecError, match=r"has none|no source pictures|has no places"):
                compose(**spec).assemble()
            return
        match = compose(registry=registry, **spec).assemble().match
        match.step()
        assert not unsound(match.networks)

    return plays_a_step


@pytest.mark.parametrize("part", LOSSES, ids=lambda c: c.name)
def test_every_loss_serves_patches_and_several_scales(part, make_match, judge, registry):
    """But realness, whose distribution is of the whole picture."""
    if part.name == "realness":
        with pytest.raises(SpecError, match="needs outcomes"):
            make_match(loss="losses/realness", discriminator=judge(two=True))
        return
    loss = component("loss", f"losses/{part.name}", registry=registry, **inner(part))
    match = make_match(loss=loss, discriminator=judge(two=True))
    match.step()
    assert not unsound(match.networks)


def test_who_lacks_a_head_is_told_which_one_gives_it(textbook):
    networks = {"generator": "proofs/tiny-generator", "discriminator": "proofs/tiny-discriminator"}
    parts = {**networks, "loss": "proofs/tiny-hinge", "data": "proofs/tiny-pictures", **textbook}
    with pytest.raises(SpecError, match="provided by: discriminator losses/rotation-head"):
        compose(**parts, penalties=["rotation"])
