"""How a DCGAN's step grows with batch, width and resolution, and what a second process makes of it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.benchmarks.cases import COMMON, PARTS

AXES: Mapping[str, tuple[int, ...]] = {
    "batch": (8, 16, 32, 64, 128),
    "width": (8, 16, 32, 64),
    "resolution": (16, 32, 64),
}
CENTRE = {"batch": 32, "width": 16, "resolution": 32}
OTHER_MESSAGES = 5
"""Of a step: three outputs are gathered, buffers follow the first process, and all agree whether to go on."""
CONVOLUTIONS = 10
"""Between two sums: some milliseconds of work."""
LAUNCHER = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
REDUCE = """
import time, torch, torch.distributed as dist
dist.init_process_group("gloo")
numbers, times = torch.ones({numbers}), []
pictures, kernels = torch.randn(16, 16, 32, 32), torch.randn(64, 16, 3, 3)
for _ in range(30):
    for _ in range({convolutions}):
        torch.conv2d(pictures, kernels)
    began = time.perf_counter()
    dist.all_reduce(numbers)
    times.append(time.perf_counter() - began)
if dist.get_rank() == 0:
    print(sorted(times)[15])
dist.destroy_process_group()
"""


def spec_at(place: Mapping[str, int], steps: int) -> dict[str, Any]:
    """A DCGAN of a width on pictures of a side, in batches of a size."""
    network = {"name": "classic/dcgan", "width": place["width"]}
    return {
        **COMMON,
        "data": {"name": "noise", "side": place["resolution"]},
        "generator": network,
        "discriminator": network,
        "train": {"batch_size": place["batch"], "device": "cpu", "steps": steps},
        "output": {"samples_every": 10**7, "samples": 4, "checkpoint_every": 10**7, "log_every": 5},
    }


def points() -> Iterator[tuple[str, dict[str, int]]]:
    """Each axis in turn, through one centre."""
    for axis, values in AXES.items():
        for value in values:
            yield axis, {**CENTRE, axis: value}


def milliseconds(place: Mapping[str, int], processes: int = 1, steps: int = 40) -> float:
    """Of a step, in a process of its own with one thread, or in several: the median of what the run's clock says."""
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder, "spec.json")
        spec.write_text(json.dumps(spec_at(place, steps)))
        words = ["-m", "ganreg", "--plugin", str(PARTS), "run", str(spec), "--out", f"{folder}/run"]
        launch = [*LAUNCHER, str(processes)] if processes > 1 else [sys.executable]
        subprocess.run([*launch, *words], check=True, capture_output=True, env=environment())
        lines = Path(folder, "run/speed.jsonl").read_text().splitlines()
        speeds = [json.loads(line)["images_per_second"] for line in lines]
    return 1e3 * place["batch"] / statistics.median(speeds[2:])


def slowest(place: Mapping[str, int], processes: int = 2) -> float:
    """Milliseconds of a step of the slowest of several processes that run side by side, each a training of its own."""
    with ThreadPoolExecutor(processes) as pool:
        return max(pool.map(milliseconds, [place] * processes))


def environment() -> dict[str, str]:
    """One thread for each process, and this folder's packages."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}


def reduction(numbers: int, processes: int = 2) -> float:
    """Milliseconds that so many numbers take to be summed over processes, which compute in between as in a step.

    Then they do not come at the same moment, and have to be woken: that takes longer than a sum that follows another.
    """
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "reduce.py")
        script.write_text(REDUCE.format(numbers=numbers, convolutions=CONVOLUTIONS))
        words = [*LAUNCHER, str(processes), str(script)]
        return 1e3 * float(subprocess.run(words, check=True, capture_output=True, text=True, env=environment()).stdout)


def scaling(rounds: int) -> dict[str, Any]:
    """Two processes beside one, and what the cost model of docs/scaling.md says of them."""
    import ganreg
    from ganreg.registry import Registry

    found = {}
    for name, place in {"small": CENTRE, "large": {"batch": 64, "width": 32, "resolution": 32}}.items():
        half = {**place, "batch": place["batch"] // 2}
        registry = Registry.discover(files=[PARTS])
        match = ganreg.compose(registry=registry, **spec_at(place, 1)).assemble().match
        weights = [sum(p.numel() for p in match.player(player).parameters) for player in match.players]
        rows = [
            (
                milliseconds(place),
                slowest(half),
                sum(map(reduction, weights)),
                OTHER_MESSAGES * reduction(1),
                milliseconds(place, 2),
            )
            for _ in range(rounds)
        ]
        one, one_half, sums, messages, two = (statistics.median(column) for column in zip(*rows, strict=True))
        found[name] = {
            "place": dict(place),
            "weights": sum(weights),
            "one": round(one, 2),
            "one, half the batch": round(one_half, 2),
            "reduction": round(sums, 2),
            "messages": round(messages, 2),
            "predicted": round(one_half + sums + messages, 2),
            "two": round(two, 2),
            "spread": [round(min(row[-1] for row in rows), 2), round(max(row[-1] for row in rows), 2)],
        }
    return found


def main() -> None:
    """Print all of it as JSON: `python -m tests.benchmarks.curves > curves.json`."""
    curves: dict[str, list[list[float]]] = {axis: [] for axis in AXES}
    for axis, place in points():
        curves[axis].append([place[axis], round(milliseconds(place), 2)])
        print(axis, curves[axis][-1], file=sys.stderr)
    print(json.dumps({"centre": CENTRE, "curves": curves, "scaling": scaling(rounds=5)}, indent=2))


if __name__ == "__main__":
    main()
