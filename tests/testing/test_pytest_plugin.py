"""`pytest --ganreg NAMESPACE`, and the test file that an author writes."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

Install = Callable[..., Path]

ODD = '''
from ganreg import Loss, hookimpl

class Flipped(Loss, name="flipped"):
    """D(x) - D(G(z)): the wrong sign."""

    def discriminator(self, real, fake):
        return real.logits.mean() - fake.logits.mean()

    def generator(self, real, fake):
        return -fake.logits.mean()

@hookimpl
def ganreg_components():
    return [Flipped]
'''
AUTHORS = """
import pytest
from ganreg.testing import cases

EXPECTED = {"odd/flipped": {"signs": "as it is", "described": "no time"}}

@pytest.mark.parametrize("case", cases("odd", expect_failure=EXPECTED), ids=str)
def test_conformance(case):
    case.run()
"""


def pytest(*arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", "-q", "-rA", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def test_cases_are_collected_without_a_test_file(install: Install, tmp_path: Path) -> None:
    install("odd", ODD)
    done = pytest("--ganreg", "odd", folder=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILED ganreg-odd::loss-odd/flipped-signs" in done.stdout
    assert "PASSED ganreg-odd::plugin-odd-pickle-free" in done.stdout
    assert "1 failed, " in done.stdout
    assert "help: mend the sign" in done.stdout
    assert "Traceback" not in done.stdout
    assert "case.py" not in done.stdout


def test_a_plugin_that_is_not_there_is_a_usage_error(install: Install, tmp_path: Path) -> None:
    install("odd", ODD)
    done = pytest("--ganreg", "od", folder=tmp_path)
    assert done.returncode == 4
    assert "no plugin 'od' is installed" in done.stderr
    assert "did you mean 'odd'?" in done.stderr


def test_the_authors_file(install: Install, tmp_path: Path) -> None:
    install("odd", ODD)
    (tmp_path / "test_mine.py").write_text(AUTHORS)
    done = pytest("test_mine.py", folder=tmp_path)
    assert done.returncode == 1
    assert "PASSED test_mine.py::test_conformance[loss-odd/flipped-signs]" in done.stdout
    assert "FAILED test_mine.py::test_conformance[loss-odd/flipped-described]" in done.stdout
    assert "it was expected to fail (no time), and passes" in done.stdout
    assert "1 failed, " in done.stdout
    assert "case.py" not in done.stdout


def test_other_sessions_pay_nothing_for_it(tmp_path: Path) -> None:
    code = """
import sys

def test_light():
    assert "ganreg.testing.pytest_plugin" in sys.modules
    assert not {"torch", "pydantic", "ganreg.testing.case"} & set(sys.modules)
"""
    (tmp_path / "test_other.py").write_text(code)
    done = pytest("test_other.py", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
