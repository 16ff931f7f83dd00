"""What the distribution offers, what importing it costs, what its README promises, and how it composes."""

import re
import subprocess
import sys
from importlib.metadata import distribution, entry_points
from io import StringIO
from pathlib import Path

import ganreg_discriminant
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


PARTS = [
    pytest.param(part, id=name_of(part), marks=CLASSIC if "base" in part.model_fields else ())
    for part in ganreg_discriminant.COMPONENTS
]


def test_the_distribution_is_found_by_its_entry_point():
    (found,) = entry_points(group="ganreg.plugins", name="discriminant")
    assert found.load() is ganreg_discriminant
    assert found.dist.name == "ganreg-discriminant"
    assert "ganreg-plugin" in distribution("ganreg-discriminant").metadata["Keywords"].split(",")


def test_importing_the_plugin_imports_no_torch():
    code = "import sys, ganreg_discriminant; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("part", PARTS)
def test_every_part_has_defaults(part, registry):
    made = component(part.kind, f"discriminant/{part.name}", registry=registry)
    assert type(made) is part


@pytest.mark.parametrize("part", ganreg_discriminant.COMPONENTS, ids=name_of)
def test_every_part_stands_in_the_readme(part):
    assert f"`{part.name}`" in README


def test_the_readme_has_specs():
    assert len(SPECS) == 3


@pytest.mark.needs("ganreg-classic", "ganreg-datasets")
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: str(spec["loss"]))
def test_the_readmes_specs_train(spec, registry):
    run = compose(registry=registry, **{**spec, "latent": 8, "train": {"batch_size": 4, "device": "cpu"}})
    run.check()
    match = run.assemble().match
    for _ in range(2):
        match.step()
    assert not unsound(match.networks)


HEADS = {
    "direction": "slicing",
    "twin_logits": "twin-auxiliary",
    "generated_logits": "auxiliary-discriminative",
    "proxies": "contrastive",
    "real": "omni",
    "generated": "semi-supervised",
    "class_logits": "auxiliary-classifier",
}
"""By what a part requires, the head that provides it: the first that is named."""

BASES = [
    {"name": "classic/dcgan", "width": 4},
    {"name": "classic/conv", "widths": [4]},
    {"name": "classic/mlp", "widths": [8]},
]
JUDGE = "proofs/tiny-judge"
PLAYED = [c for c in ganreg_discriminant.COMPONENTS if c.kind in ("loss", "penalty")]


@CLASSIC
@pytest.mark.parametrize("base", BASES, ids=lambda base: base["name"])
@pytest.mark.parametrize("part", PLAYED, ids=name_of)
def test_every_part_composes_with_the_classic_networks(part, base, plays_a_step, registry):
    made = component(part.kind, f"discriminant/{part.name}", registry=registry)
    game = {"game": "classic/standard", "schedule": "classic/alternating", "loss": "classic/hinge"}
    optimizers = {player: {"name": "classic/adam", "lr": 0.01} for player in ("generator", "discriminator")}
    plays_a_step(made, base, generator={"name": "classic/dcgan", "width": 4}, **game, optimizers=optimizers)


@pytest.mark.parametrize("part", PLAYED, ids=name_of)
def test_every_part_composes_with_the_smallest_networks(part, plays_a_step, registry):
    inner = {"base": "proofs/tiny-hinge"} if "base" in part.model_fields else {}
    plays_a_step(component(part.kind, f"discriminant/{part.name}", registry=registry, **inner), JUDGE)


@pytest.fixture
def plays_a_step(run):
    """Whether a part does, with the head that it needs; terms of both players for both."""

    def plays_a_step(made, base, **spec):
        head = next((head for word, head in HEADS.items() if word in made.requires), None)
        sides = ("discriminator", "generator")
        terms = [made.model_copy(update={"side": side}) for side in sides] if made.kind == "penalty" else []
        spec = {**spec, "loss": made} if made.kind == "loss" else {**spec, "penalties": terms}
        discriminator = {"name": f"discriminant/{head}", "base": base} if head else base
        composed = run(conditional=True, discriminator=discriminator, **spec)
        composed.check()
        match = composed.assemble().match
        match.step()
        assert not unsound(match.networks)
        assert len(match.terms) == (2 if made.kind == "loss" else 4)

    return plays_a_step


LOSSES = [c for c in PLAYED if c.kind == "loss" and not c.model_fields.keys() & {"base"}]


@pytest.mark.parametrize("part", LOSSES, ids=lambda c: c.name)
def test_losses_of_the_embedding_take_a_small_one_without_classes(part, run, registry):
    made = component("loss", f"discriminant/{part.name}", registry=registry)
    if "generated" in made.requires:
        with pytest.raises(SpecError, match="needs classes"):
            run(loss=made)
        return
    composed = run(loss=made, discriminator={"name": "discriminant/linear-embedding", "size": 3, "base": JUDGE})
    composed.check()
    match = composed.assemble().match
    match.step()
    assert not unsound(match.networks)


@pytest.mark.parametrize(
    "head", ["auxiliary-classifier", "semi-supervised", "omni", "contrastive", "multi-discriminator"]
)
def test_a_run_without_classes_has_no_head_for_them(head, run):
    with pytest.raises(SpecError, match="needs classes"):
        run(discriminator={"name": f"discriminant/{head}", "base": JUDGE})
