"""What a launcher starts several times over: trains each run of a file, one after the other.

`torchrun --nproc-per-node 2 tests/engine/together.py runs.json`
"""

import json
import sys
from pathlib import Path

import ganreg

for spec in json.loads(Path(sys.argv[1]).read_text()):
    ganreg.compose(**spec).train()
