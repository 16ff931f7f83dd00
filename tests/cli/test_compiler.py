"""torch's compiler, which a training that compiles nothing does not import."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BEGIN = """
import sys
from ganreg.cli.compiler import compiler_when_asked

def there():
    return type(sys.modules.get("torch._dynamo")).__name__ == "module"

finders = list(sys.meta_path)
with compiler_when_asked():
    import torch
    weight = torch.nn.Parameter(torch.ones(()))
    optimizer = torch.optim.Adam([weight], lr=1.0)
    weight.square().backward()
    optimizer.step()
    optimizer.state_dict()
    torch._dynamo.trace_rules.clear_lru_cache()
    assert weight.item() < 0.1 and not there()
"""
END = """
assert sys.meta_path == finders
assert not hasattr(torch.optim.Optimizer.state_dict.__wrapped__, "__dynamo_disable") or there()
"""
ASKED = {
    "a part": "import torch._dynamo.config as part; part.recompile_limit",
    "from a part": "from torch._dynamo.utils import counters; part = sys.modules['torch._dynamo.utils']",
    "by who came before": "before.disable(print); before.graph_break(); part = before.config",
    "for its rules": "torch._dynamo.trace_rules.lookup(print); part = torch._dynamo.trace_rules",
    "to spare a function": "torch._dynamo.disable(print); part = torch._dynamo.config",
    "to spare a builtin": "torch._dynamo.disable(print, wrapping=False); part = torch._dynamo.config",
    "all of it": "exec('from torch._dynamo import *'); part = torch._dynamo.config",
}


def run(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_optimizer_needs_no_compiler() -> None:
    run(BEGIN + "assert 'torch._dynamo' not in sys.modules" + END)


def test_who_only_looks_around_does_not_bring_it() -> None:
    looks = """
    import importlib.util, inspect
    assert importlib.util.find_spec("torch._dynamo").origin.endswith("__init__.py")
    [module for module in sys.modules.values() if getattr(module, "MARK", None)]
    assert inspect.getmodule(there) and not hasattr(torch._dynamo, "no_such_name")
    assert not there()
"""
    run(BEGIN.rstrip() + looks + END)


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_it_is_there_for_whoever_asks(asked: str) -> None:
    before = "before = sys.modules['torch._dynamo']"
    once = "assert there() and part is sys.modules[part.__name__]"
    known = "assert part.__spec__.loader is part.__loader__"
    run("\n    ".join([BEGIN.rstrip(), before, asked, once, known]) + END)


def test_what_torch_spares_is_spared_once_it_is_there() -> None:
    """An optimizer that was there before moves within a compiled function, as it does with torch alone."""
    moves = """
    import torch._dynamo.config
    @torch.compile(backend="eager")
    def move():
        optimizer.zero_grad()
        (weight - 2).square().backward()
        optimizer.step()
        return len(optimizer.state_dict()["state"])
    assert move() == 1 and weight.item() > 0.2
    assert torch.optim.Optimizer.zero_grad.__wrapped__.__dynamo_disable._torchdynamo_disable
"""
    run(BEGIN.rstrip() + moves + END)


def test_a_run_that_compiles_nothing_does_not_import_it(composition: dict[str, Any], tmp_path: Path) -> None:
    train = {"steps": 2, "batch_size": 4, "device": "cpu"}
    spec = tmp_path / "spec.yaml"
    spec.write_text(json.dumps(composition | {"train": train, "output": {"folder": str(tmp_path / "run")}}))
    words = [sys.executable, "-X", "importtime", "-m", "ganreg", "run", str(spec)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "torch" in imported
    assert not {name for name in imported if name.startswith(("torch._dynamo", "torch._inductor"))}
