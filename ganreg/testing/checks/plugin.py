"""What is promised of a plugin as a whole: it is cheap to import, and holds no door for foreign code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from ganreg.testing.check import PLUGIN, Failure, Skip, check
from ganreg.testing.probe import ask
from ganreg.testing.suite import Suite, Whole

MILLISECONDS = 50
TRIES = 5
"""A slow import is tried again: the first one compiles, and other processes disturb."""

PICKLES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}
CALLS = {
    ("torch", "load"): "safetensors.torch.load_file reads tensors and nothing else",
    ("torch", "save"): "safetensors.torch.save_file writes tensors that anybody may read",
    ("torch", "hub", "load"): "it runs code from elsewhere: depend on the package, or write the network here",
    ("pandas", "read_pickle"): "read CSV, Parquet or another format of data",
    ("pd", "read_pickle"): "read CSV, Parquet or another format of data",
    ("eval",): "ast.literal_eval or pydantic read values",
    ("exec",): "write what it shall do as a function",
}


@check(PLUGIN, needs=(), remedy="import torch inside build, or in a module that build imports")
def torch_free_import(whole: Whole) -> None:
    """Importing the plugin imports no torch."""
    for name, place in watched(whole.suite)["modules"].items():
        if place:
            raise Failure(place if place.startswith("it ") else f"importing {name} imports torch ({place})")


@check(PLUGIN, needs=("torch-free-import",), remedy="import what is large inside build, or where it is used")
def quick_import(whole: Whole) -> None:
    """Importing the plugin takes less than 50 ms, ganreg and pydantic not counted."""
    best = float("inf")
    for _ in range(TRIES):
        answer = ask(_files(whole.suite))
        if "error" in answer:
            raise Failure(f"it cannot be imported in a fresh process: {answer['error']}")
        best = min(best, 1000 * answer["seconds"])
        if best < MILLISECONDS:
            return
    raise Failure(f"importing it takes {best:.0f} ms, of {MILLISECONDS} that it may take")


@check(PLUGIN, needs=(), remedy="keep data in safetensors, JSON or npy files")
def pickle_free(whole: Whole) -> None:
    """No source file reads or writes pickles, or runs text as code."""
    for path in whole.suite.sources:
        for line, what, remedy in _doors(ast.parse(path.read_bytes())):
            raise Failure(f"{path.name}, line {line}: {what}", remedy)


def watched(suite: Suite) -> dict[str, Any]:
    """Where its modules and components import torch before anything is built."""
    if suite.watched is None:
        described = {}
        for subject in suite.subjects:
            try:
                parameters = subject.part.model_dump(mode="json", context={"registry": suite})
                accepted = subject.claimed[:3]
            except Exception:
                continue
            described[f"{subject.kind} {subject.id}"] = {
                "module": subject.component.__module__,
                "name": subject.component.__qualname__,
                "parameters": parameters,
                "tasks": [vars(task) for task in accepted],
            }
        suite.watched = ask(_files(suite), described)
    if "error" in suite.watched:
        raise Failure(f"it cannot be imported in a fresh process: {suite.watched['error']}")
    return suite.watched


def _files(suite: Suite) -> dict[str, str]:
    import sys

    files = {name: getattr(sys.modules.get(name), "__file__", None) or "" for name in suite.modules}
    if "__main__" in files or not all(files.values()):
        raise Skip("it is not in a file")
    return files


def _doors(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Line, what stands there, and what to do in its place."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            names = [alias.name for alias in node.names]
            for name in [module] if module else names:
                if name.partition(".")[0] in PICKLES:
                    yield node.lineno, f"imports {name}", ""
            for name in names:
                if (path := (*module.split("."), name)) in CALLS:
                    yield node.lineno, f"imports {'.'.join(path)}", CALLS[path]
        elif isinstance(node, ast.Call):
            path = tuple(ast.unparse(node.func).split("."))
            if path in CALLS:
                yield node.lineno, f"calls {'.'.join(path)}", CALLS[path]
            for keyword in node.keywords:
                if keyword.arg == "allow_pickle" and getattr(keyword.value, "value", True):
                    yield node.lineno, "reads pickles: allow_pickle", "save arrays of numbers, which need none"
