"""What the distribution offers, and what importing it costs."""

import subprocess
import sys
from importlib.metadata import distribution, entry_points

import ganreg_classic
import pytest

OFFERED = {
    "generator": {"mlp", "dcgan"},
    "discriminator": {"conv", "mlp", "dcgan"},
    "loss": {"minimax", "non-saturating", "least-squares", "wasserstein", "hinge"},
    "penalty": {"gradient-penalty", "r1", "weight-clipping"},
    "schedule": {"alternating", "simultaneous"},
    "game": {"standard"},
    "optimizer": {"adam", "rmsprop", "sgd"},
}


def test_the_plugin_offers_its_parts():
    offered = [(c.kind, c.name) for c in ganreg_classic.ganreg_components()]
    assert sorted(offered) == sorted((kind, name) for kind, names in OFFERED.items() for name in names)


def test_the_distribution_is_found_by_its_entry_point():
    (found,) = entry_points(group="ganreg.plugins", name="classic")
    assert found.load() is ganreg_classic
    assert found.dist.name == "ganreg-classic"
    assert "ganreg-plugin" in distribution("ganreg-classic").metadata["Keywords"].split(",")


def test_importing_the_plugin_imports_no_torch():
    code = "import sys, ganreg_classic; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("component", ganreg_classic.COMPONENTS, ids=lambda c: f"{c.kind}-{c.name}")
def test_every_part_has_defaults_and_tells_what_its_parameters_are(component):
    part = component()
    assert component.model_validate(part.model_dump()) == part
    assert component.__doc__
    undescribed = [name for name, field in component.model_fields.items() if not field.description]
    assert undescribed == []
