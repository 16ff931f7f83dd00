"""The floors: imports go downward only, and below the second floor nothing imports torch.

Rooms of one floor stand in the order of their fractions: the spec on the registry, the command line on the API.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "ganreg"
FLOORS = {
    **dict.fromkeys(["errors", "task", "batch", "seeds", "processes", "claims", "hookspecs", "components"], 0),
    "registry": 1,
    "spec": 1.5,
    **dict.fromkeys(["rng", "heads"], 2),
    "assembly": 2.5,
    "engine": 3,
    **dict.fromkeys(["check", "report", "export"], 4),
    "trained": 4.5,
    "training": 4.5,
    "api": 5,
    "__init__": 5.1,
    **dict.fromkeys(["scaffold", "sweep", "testing"], 5.15),
    "cli": 5.2,
    "__main__": 5.3,
}
MODULES = sorted(ROOT.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(tree: ast.AST, *, top_only: bool = False) -> Iterator[str]:
    """Every module that is imported at run time, inside functions too unless told otherwise."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif not (top_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            yield from imports(node, top_only=top_only)


def test_every_room_has_a_floor() -> None:
    assert {room(path) for path in MODULES} == set(FLOORS)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down(path: Path) -> None:
    here = room(path)
    for name in imports(ast.parse(path.read_text(encoding="utf-8"))):
        if name.startswith("ganreg."):
            there = name.split(".")[1]
            assert there not in FLOORS or FLOORS[there] < FLOORS[here] or there == here, f"{here} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_torch_below_the_second_floor_and_on_the_fifth(path: Path) -> None:
    top = {name.split(".")[0] for name in imports(ast.parse(path.read_text(encoding="utf-8")), top_only=True)}
    # The conformance kit looks at tensors; that what pytest loads of it does not is told in tests/testing.
    if not 2 <= FLOORS[room(path)] < 5 and room(path) != "testing":
        assert "torch" not in top
    if FLOORS[room(path)] < 2:
        every = {name.split(".")[0] for name in imports(ast.parse(path.read_text(encoding="utf-8")))}
        assert "torch" not in every


def test_the_rule_can_fail() -> None:
    tree = ast.parse("from ganreg import api\nif TYPE_CHECKING:\n    import torch\ndef f():\n    import torch")
    assert "ganreg.api" in set(imports(tree))
    assert "torch" in set(imports(tree))
    assert "torch" not in set(imports(tree, top_only=True))
