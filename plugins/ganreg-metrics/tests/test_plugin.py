"""What the distribution offers, what importing it costs, and what its README promises."""

import re
import subprocess
import sys
from importlib.metadata import distribution, entry_points
from io import StringIO
from pathlib import Path

import ganreg_metrics
import pytest
from ruamel.yaml import YAML

from ganreg import compose
from ganreg.errors import SpecError

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
SPECS = [YAML(typ="safe", pure=True).load(StringIO(block)) for block in re.findall(r"```yaml\n(.*?)```", README, re.S)]
PARTS = pytest.mark.parametrize("part", ganreg_metrics.COMPONENTS, ids=lambda c: f"{c.kind}-{c.name}")


def test_the_distribution_is_found_by_its_entry_point():
    (found,) = entry_points(group="ganreg.plugins", name="metrics")
    assert found.load() is ganreg_metrics
    assert found.dist.name == "ganreg-metrics"
    assert "ganreg-plugin" in distribution("ganreg-metrics").metadata["Keywords"].split(",")


def test_importing_the_plugin_imports_no_torch():
    code = "import sys, ganreg_metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@PARTS
def test_every_part_stands_in_the_readme(part):
    assert f"`{part.name}`" in README


@pytest.mark.needs("ganreg-classic", "ganreg-datasets")
def test_the_readmes_specs_are_valid():
    assert len(SPECS) == 2
    for spec in SPECS:
        compose(**spec).check()


@pytest.mark.needs("ganreg-classic", "ganreg-datasets")
def test_an_inception_score_without_logits_is_refused_before_torch():
    code = """
import sys, ganreg
from ganreg.errors import SpecError
score = {"name": "inception-score", "extractor": "pixels"}
spec = dict(data="fashion-mnist-10k", generator="dcgan", discriminator="dcgan", loss="hinge", metrics=[score])
try:
    ganreg.compose(**spec).check()
except SpecError as error:
    print(error)
sys.exit("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "the metric 'inception-score' needs logits" in done.stdout
    assert "the extractor 'pixels' does not provide it" in done.stdout
    assert "extractor metrics/fashion-cnn" in done.stdout


@pytest.mark.needs("ganreg-classic", "ganreg-datasets")
@pytest.mark.parametrize(
    ("metric", "size", "reason"),
    [
        ("intra-frechet", 28, "set conditional: true"),
        ("ms-ssim", 8, "windows of 11x11"),
        ("sliced-wasserstein", 6, "windows of 7x7"),
    ],
)
def test_what_cannot_be_measured_is_refused(metric, size, reason):
    data = {"name": "fashion-mnist-10k", "size": size}
    spec = {"data": data, "generator": "mlp", "discriminator": "mlp", "loss": "hinge", "metrics": [metric]}
    with pytest.raises(SpecError, match=reason):
        compose(**spec).check()
