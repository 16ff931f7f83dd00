"""Nothing that ships runs data: no pickle, no `torch.load`, no `eval`, no YAML with tags, no shell."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHIPPED = sorted(
    path
    for pattern in ("ganreg/**/*.py", "plugins/*/ganreg_*/**/*.py", "docs/*.py")
    for path in ROOT.glob(pattern)
    if "data" not in path.parts
)
MODULES = {
    *(
        "pickle",
        "_pickle",
        "cPickle",
        "pickletools",
        "dill",
        "cloudpickle",
        "joblib",
        "jsonpickle",
        "shelve",
        "marshal",
    ),
    *("yaml", "code", "codeop", "runpy", "torch.package", "torch.hub", "multiprocessing.reduction"),
}
"""Modules that make code of data, or objects with code in them; those inside them too."""
NAMES = {
    *("eval", "exec", "compile", "__import__", "breakpoint"),
    *("torch.load", "torch.save", "torch.jit.load", "torch.export.load", "torch.serialization"),
    *("yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load", "numpy.fromregex"),
    *("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "pandas.read_pickle"),
    *(
        "builtins.eval",
        "builtins.exec",
        "builtins.compile",
        "builtins.__import__",
        "types.CodeType",
        "types.FunctionType",
    ),
}
ARGUMENTS = {("allow_pickle", True), ("shell", True), ("weights_only", False), ("typ", "unsafe"), ("typ", "base")}
"""Arguments that make a harmless function one of those."""


def forbidden(tree: ast.AST) -> Iterator[str]:
    """What a module uses of all that, wherever in it and under whatever name it was imported."""
    imported = dict(_imported(tree))
    for name in imported.values():
        if any(f"{name}.".startswith(f"{module}.") for module in MODULES) or name in NAMES:
            yield f"import {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
            first, _, rest = _dotted(node).partition(".")
            name = f"{imported.get(first, first)}.{rest}".rstrip(".")
            if any(f"{name}.".startswith(f"{banned}.") for banned in NAMES):
                yield f"{name} in line {node.lineno}"
        elif isinstance(node, ast.Call):
            given = [(k.arg, k.value.value) for k in node.keywords if isinstance(k.value, ast.Constant)]
            yield from (f"{key}={value} in line {node.lineno}" for key, value in given if (key, value) in ARGUMENTS)


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """The names that imports give, each with what stands behind it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.partition(".")[0],) * 2
                yield f"import {alias.name}", alias.name
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def test_all_that_ships_is_looked_at() -> None:
    tops = {path.relative_to(ROOT).parts[0] for path in SHIPPED}
    assert tops == {"ganreg", "plugins", "docs"}
    assert len(SHIPPED) > 100


ALLOWED = {"ganreg/export.py": ["torch.export.load"]}
"""An export reads back the file that it has written itself."""


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_that_runs_data(path: Path) -> None:
    found = [what.partition(" in line ")[0] for what in forbidden(ast.parse(path.read_text(encoding="utf-8")))]
    assert found == ALLOWED.get(str(path.relative_to(ROOT)), [])


@pytest.mark.parametrize(
    "code",
    [
        *(
            "import pickle",
            "from pickle import loads",
            "import joblib as j",
            "def f():\n    import dill",
            "import yaml",
        ),
        *(
            "import torch\ntorch.load(x)",
            "import torch as t\nf = t.load",
            "from torch import load",
            "torch.jit.load(x)",
        ),
        *("eval(x)", "exec(x)", "compile(x, y, z)", "__import__(x)", "import builtins as b\nb.exec(x)", "f = eval"),
        *("yaml.load(x)", "YAML(typ='unsafe')", "np.load(x, allow_pickle=True)", "torch.hub.load(x)\nimport torch.hub"),
        *("import os\nos.system(x)", "run(x, shell=True)", "from os import popen as p", "load(x, weights_only=False)"),
    ],
)
def test_the_rule_can_fail(code: str) -> None:
    assert list(forbidden(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        *("import re\nre.compile(x)", "network.compile()", "loader.exec_module(x)", "safetensors.torch.load(x)"),
        *(
            "import json\njson.load(x)",
            "YAML(typ='safe')",
            "subprocess.run([x])",
            "model.eval()",
            "compile: bool = True",
        ),
    ],
)
def test_the_rule_can_pass(code: str) -> None:
    assert list(forbidden(ast.parse(code))) == []
