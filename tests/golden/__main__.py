"""The weights after 50 steps of each bundled spec, as hashes: no change alters results without anybody knowing.

    python -m tests.golden            # compares with hashes.json; --write writes it, where a change is meant

Arithmetic is held to what every processor of an architecture does alike: one thread, torch's plain kernels, and the
library of linear algebra in its compatible mode. That is slow, so batches are small. Hashes hold for one version of
torch and one architecture.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from hashlib import sha256
from pathlib import Path

import click

PLAIN = {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
HASHES = Path(__file__).with_name("hashes.json")
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
SETTINGS = ["train.steps=50", "train.batch_size=8", "train.device=cpu"]


@click.command()
@click.option("--write", is_flag=True, help="Take what comes out as right.")
def main(write: bool) -> None:
    """Compare the weights after 50 steps of each bundled spec with those that are known."""
    os.environ.update(PLAIN)  # before torch is imported
    import torch

    torch.backends.mkldnn.enabled = False  # its kernels follow the processor
    machine = f"torch {torch.__version__.partition('+')[0]}, {platform.machine()}"
    known = json.loads(HASHES.read_text()) if HASHES.exists() else {}
    if not write and machine not in known:
        click.echo(f"no hashes are known for {machine}: --write adds them")
        sys.exit(2)
    found = {spec.stem: digest for spec in sorted(EXAMPLES.glob("*.yaml")) if (digest := weights(spec))}
    expected = found if write else known[machine]
    if write:
        HASHES.write_text(json.dumps({**known, machine: found}, indent=2) + "\n")
    for name in sorted({*found, *expected}):
        click.echo(f"{name:<20} {'ok' if found.get(name) == expected.get(name) else 'differs'}")
    sys.exit(found != expected)


def weights(spec: Path) -> str | None:
    """The digest of all weights and buffers, moving average included; None for an example of a mistake."""
    from ganreg.api import Run
    from ganreg.errors import SpecError
    from ganreg.registry import Registry
    from ganreg.spec.document import read

    try:
        run = Run.of(read(spec).override(SETTINGS), Registry.discover())
    except SpecError:
        return None
    match = run.assemble().match
    for _ in range(run.spec.train.steps):
        match.step()
    averages = match.ema.networks if match.ema else {}
    digest = sha256()
    for network in (*match.networks.values(), *averages.values()):
        for name, tensor in sorted(network.state_dict().items()):
            digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
