"""What the distribution offers, and what importing it costs."""

import subprocess
import sys
from importlib.metadata import distribution, entry_points

import ganreg_augment
import pytest

from ganreg.registry import Registry

OFFERED = {
    "augmentation": {
        *("flip", "shift", "instance-noise", "blur", "chain", "scheduled"),
        *("diffaugment", "ada-fixed", "ada", "resized-crop", "color-jitter", "grayscale"),
    },
    "game": {"apa"},
}


def test_the_plugin_offers_its_parts():
    offered = [(c.kind, c.name) for c in ganreg_augment.ganreg_components()]
    assert sorted(offered) == sorted((kind, name) for kind, names in OFFERED.items() for name in names)


def test_its_bare_names_are_its_own():
    registry = Registry.discover()
    for component in ganreg_augment.COMPONENTS:
        assert registry.resolve(component.kind, component.name) is component


def test_the_distribution_is_found_by_its_entry_point():
    (found,) = entry_points(group="ganreg.plugins", name="augment")
    assert found.load() is ganreg_augment
    assert found.dist.name == "ganreg-augment"
    assert "ganreg-plugin" in distribution("ganreg-augment").metadata["Keywords"].split(",")


def test_importing_the_plugin_imports_no_torch():
    code = "import sys, ganreg_augment; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("component", ganreg_augment.COMPONENTS, ids=lambda c: c.name)
def test_every_part_tells_what_its_parameters_are(component):
    assert component.__doc__
    undescribed = [name for name, field in component.model_fields.items() if not field.description]
    assert undescribed == []
