"""The plugin is a stranger's: what it takes from ganreg is public, and listing it costs no torch."""

import ast
import subprocess
import sys
from pathlib import Path

import ganreg_proofs

PUBLIC = {"ganreg", "ganreg.task"}


def test_only_the_public_interface_is_used():
    taken = set()
    for source in Path(ganreg_proofs.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                taken.add(node.module)
            elif isinstance(node, ast.Import):
                taken.update(alias.name for alias in node.names)
    assert {module for module in taken if module.split(".")[0] == "ganreg"} == PUBLIC


def test_the_components_import_no_torch():
    code = "import sys, ganreg_proofs; ganreg_proofs.ganreg_components(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
