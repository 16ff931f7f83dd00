"""What the distribution offers, and what importing it costs."""

import subprocess
import sys
from importlib.metadata import distribution, entry_points

import ganreg_penalties
import pytest

from ganreg.registry import Registry

OFFERED = {
    "penalty": {
        *("one-sided-gradient-penalty", "max-gradient-penalty", "zero-centred-gradient-penalty", "dragan"),
        *("jensen-shannon", "r2", "r1-r2", "path-length", "lecam", "historical-averaging", "drift"),
        *("consistency", "balanced-consistency", "latent-consistency", "orthogonal"),
    },
    "generator": {"spectral"},
    "discriminator": {"spectral"},
    "optimizer": {"lazy"},
}


def test_the_plugin_offers_its_parts():
    offered = [(c.kind, c.name) for c in ganreg_penalties.ganreg_components()]
    assert sorted(offered) == sorted((kind, name) for kind, names in OFFERED.items() for name in names)


def test_its_bare_names_are_its_own():
    registry = Registry.discover()
    for component in ganreg_penalties.COMPONENTS:
        assert registry.resolve(component.kind, component.name) is component


def test_the_distribution_is_found_by_its_entry_point():
    (found,) = entry_points(group="ganreg.plugins", name="penalties")
    assert found.load() is ganreg_penalties
    assert found.dist.name == "ganreg-penalties"
    assert "ganreg-plugin" in distribution("ganreg-penalties").metadata["Keywords"].split(",")


def test_importing_the_plugin_imports_no_torch():
    code = "import sys, ganreg_penalties; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("component", ganreg_penalties.COMPONENTS, ids=lambda c: f"{c.kind}-{c.name}")
def test_every_part_tells_its_source_and_what_its_parameters_are(component):
    assert "arXiv:" in component.__doc__
    undescribed = [name for name, field in component.model_fields.items() if not field.description]
    assert undescribed == []
