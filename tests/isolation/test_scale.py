"""A hundred plugins with a thousand components: a run imports those that it names, and a list none."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Environment = Any  # of conftest
Wheel = Callable[..., Path]
Options = tuple[str, ...]

COUNT = 100
PLAIN = '''
class Plain{j}(Loss, name="plain-{i}-{j}"):
    """The difference of means, for the {i}th time."""
    weight: float = Field(1.0, description="factor")
    def discriminator(self, real, fake):
        return self.weight * (fake.logits.mean() - real.logits.mean())
    def generator(self, real, fake):
        return -self.weight * fake.logits.mean()
'''
CODE = '''
from pydantic import Field
from ganreg import Loss, hookimpl
{plain}
class Twice(Loss, name="twice-{i}"):
    """Two times another loss."""
    base: Loss = Field(description="the other")
    def discriminator(self, real, fake):
        return 2 * self.base.discriminator(real, fake)
    def generator(self, real, fake):
        return 2 * self.base.generator(real, fake)

@hookimpl
def ganreg_components():
    return [{listed}]
'''
IMPORTED = """
import json, sys
from ganreg.cli import main
code = main(sys.argv[1:])
print()
print(json.dumps([code, sorted(name for name in sys.modules if "." not in name)]))
"""


def code(i: int) -> str:
    plain = "".join(PLAIN.format(i=i, j=j) for j in range(9))
    return CODE.format(plain=plain, i=i, listed=", ".join([*(f"Plain{j}" for j in range(9)), "Twice"]))


@pytest.fixture(scope="module")
def installed(make: Callable[[], Environment], wheel: Wheel) -> Environment:
    made = make()
    made.install(*(wheel(f"many-{i}", code(i)) for i in range(COUNT)))
    return made


def imported(installed: Environment, *arguments: str) -> set[str]:
    """The top-level modules in the process of a command, which succeeds."""
    done = installed.call("-c", IMPORTED, *arguments)
    status, modules = json.loads(done.stdout.splitlines()[-1])
    assert status == 0, done.stderr
    return set(modules)


def test_list_shows_a_thousand_components_and_imports_none(installed: Environment) -> None:
    for _ in range(2):  # without the cache, and with it
        assert not {name for name in imported(installed, "list") if name.startswith(("ganreg_", "pydantic", "torch"))}
    lines = installed.ganreg("list", "loss").stdout.splitlines()
    assert sum("/plain-" in line for line in lines) == 9 * COUNT
    assert sum("/twice-" in line for line in lines) == COUNT


def test_a_spec_that_names_three_imports_only_their_plugins(installed: Environment, tiny: Options) -> None:
    loss = "{name: twice-3, base: {name: twice-50, base: plain-97-8}}"
    plugins = {name for name in imported(installed, "check", *tiny, "--loss", loss) if name.startswith("ganreg_")}
    assert plugins == {"ganreg_many_3", "ganreg_many_50", "ganreg_many_97", "ganreg_proofs"}
