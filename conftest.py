"""For every test here, the plugins' too: on a loaded machine a slow example is no failure."""

import os
from tempfile import TemporaryDirectory

import hypothesis
import pytest

hypothesis.settings.register_profile("ganreg", deadline=None)
hypothesis.settings.load_profile("ganreg")


def pytest_configure(config: pytest.Config) -> None:
    """What is known of plugins goes into a folder of the session: the user's is left alone."""
    folder = TemporaryDirectory(prefix="ganreg-cache-")
    config.add_cleanup(folder.cleanup)
    os.environ["GANREG_CACHE"] = folder.name
