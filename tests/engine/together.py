"""What a launcher starts several times over: trains runs and calls command lines, one after the other.

`torchrun --nproc-per-node 2 tests/engine/together.py work.json`; what a call says is in a file beside, with its name.
"""

import json
import sys
from contextlib import redirect_stderr
from pathlib import Path

import ganreg
from ganreg.cli import main

file = Path(sys.argv[1])
work = json.loads(file.read_text())
for spec in work["runs"]:
    ganreg.compose(**spec).train()
for name, arguments in work["calls"].items():
    with file.with_name(f"{name}.txt").open("a") as said, redirect_stderr(said):
        said.write(f"exit code {main(arguments)}\n")
