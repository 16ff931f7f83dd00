"""For every test here, the plugins' too: surroundings of the session's own, and what a test needs to be installed."""

import os
from importlib.metadata import distributions
from tempfile import TemporaryDirectory

import hypothesis
import pytest

# One thread for each process, before torch is imported here or in a child: tensors here are too small for two to help,
# and the cores are for the workers of `-n`.
os.environ["OMP_NUM_THREADS"] = "1"

# On a loaded machine a slow example is no failure.
hypothesis.settings.register_profile("ganreg", deadline=None)
hypothesis.settings.load_profile("ganreg")


def pytest_configure(config: pytest.Config) -> None:
    """What is known of plugins goes into a folder of the session: the user's is left alone."""
    folder = TemporaryDirectory(prefix="ganreg-cache-")
    config.add_cleanup(folder.cleanup)
    os.environ["GANREG_CACHE"] = folder.name
    needs = "needs(*distributions): a test of what these offer, which is skipped where one of them is not installed"
    config.addinivalue_line("markers", needs)
    # Hypothesis makes it in the midst of the tests, some of which notice changes in folders that hold modules.
    (config.rootpath / ".hypothesis").mkdir(exist_ok=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what is about a distribution that is not here."""
    wanted = {name for marker in item.iter_markers("needs") for name in marker.args}
    lacking = wanted and wanted - {distribution.name for distribution in distributions()}
    if lacking:
        pytest.skip(f"needs {', '.join(sorted(lacking))}, which is not installed")
