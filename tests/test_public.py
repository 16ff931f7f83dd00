"""The public surface: these names and no others, without torch."""

import subprocess
import sys
from typing import Any

import ganreg

NAMES = [
    "Augmentation",
    "Batch",
    "Dataset",
    "Discriminator",
    "DiscriminatorOutput",
    "Encoder",
    "Extractor",
    "Features",
    "Game",
    "GanregError",
    "Generator",
    "Head",
    "Loss",
    "Metric",
    "Observer",
    "Optimizer",
    "Penalty",
    "RunSpec",
    "Schedule",
    "SidedPenalty",
    "Task",
    "component",
    "compose",
    "hookimpl",
    "load",
    "outline",
]


def test_the_public_names_are_pinned() -> None:
    assert sorted(ganreg.__all__) == sorted(NAMES)
    assert all(hasattr(ganreg, name) for name in NAMES)


def test_every_kind_is_public() -> None:
    from ganreg.components import KINDS

    assert {kind.__name__ for kind in KINDS.values()} < set(ganreg.__all__)


def test_a_plugin_may_import_every_public_name_at_the_top_of_its_module() -> None:
    code = """
import sys
from ganreg import *
assert "torch" not in sys.modules, "torch was imported"
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_ganreg_and_validating_a_spec_import_no_torch(composition: dict[str, Any]) -> None:
    code = f"""
import sys, ganreg
ganreg.component("loss", "tiny-hinge")
ganreg.compose(**{composition})
assert "torch" not in sys.modules, "torch was imported"
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_error_is_in_the_drawn_tree_with_its_exit_code() -> None:
    from ganreg import errors

    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.GanregError)]
    lines = (errors.__doc__ or "").splitlines()
    for error in classes:
        (line,) = [line for line in lines if error.__name__ in line.split()]
        assert str(error.exit_code) in line.split()
    assert len({error.exit_code for error in classes}) == len(classes)
