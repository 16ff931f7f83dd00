"""How long commands take, and a run until its first step: `python -m tests.benchmarks.start --json start.json`.

Each figure is the median over processes that do nothing else.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.benchmarks.fresh import fresh, peak

ROOT = Path(__file__).parents[2]
COMMAND = """
import re, sys
from ganreg.cli import main
code = main(sys.argv[1:])
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1], file=sys.stderr)
sys.exit(code)
"""
"""The command `ganreg`, which tells at the end how many KiB it has held at most."""
DEMO = "docs/examples/demo.yaml"


class Enough(Exception):
    """The first step is done."""


def command(*words: str) -> tuple[float, float]:
    """Seconds and MiB of a call of `ganreg`."""
    began = time.perf_counter()
    called = [sys.executable, "-c", COMMAND, *words]
    told = subprocess.run(called, check=True, capture_output=True, text=True, cwd=ROOT).stderr
    return time.perf_counter() - began, int(told.splitlines()[-1]) / 2**10


def bundled() -> dict[str, int]:
    """The parameters of each spec that comes with ganreg and its plugins, and passes the check."""
    found = {}
    for path in sorted((*ROOT.glob("docs/**/*.yaml"), *ROOT.glob("plugins/**/*.yaml"))):
        name = str(path.relative_to(ROOT))
        words = [sys.executable, "-m", "ganreg", "check", name, "--json"]
        checked = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
        if checked.returncode == 0:
            found[name] = sum(network["parameters"] for network in json.loads(checked.stdout)["networks"].values())
    return found


def stages(spec: str, folder: str) -> dict[str, float]:
    """Seconds of each stage of `ganreg run` until its first step is done, in the order of `Run.train`."""
    took: dict[str, float] = {}

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        took[name] = time.perf_counter() - began

    with stage("command line and discovery"):
        from ganreg.cli.call import call  # noqa: F401
        from ganreg.cli.commands.run import command  # noqa: F401
        from ganreg.cli.compiler import compiler_when_asked
        from ganreg.registry import Registry

        registry = Registry.discover()
    with compiler_when_asked():
        _until_the_first_step(spec, folder, registry, stage)
    return took


def _until_the_first_step(spec: str, folder: str, registry: Any, stage: Any) -> None:
    with stage("reading and validating the spec"):
        run = _run(spec, folder, registry)
    with stage("importing torch"):
        import torch  # noqa: F401
    with stage("the check's dry run"):
        run.check()
    with stage("folder and lock"):
        from ganreg.engine.folder import RunFolder

        run.folder.mkdir()
        RunFolder(run.folder).start("", run.lock().model_dump())
    _played(run, stage)


def _played(run: Any, stage: Any) -> None:
    """From the data to the first step."""
    from ganreg.assembly import assemble
    from ganreg.engine.dataset import checked
    from ganreg.engine.devices import resolve
    from ganreg.engine.feed import Feed
    from ganreg.engine.layout import lay_out
    from ganreg.engine.match import Match
    from ganreg.engine.pictures import generate, save_grid
    from ganreg.spec.compatibility import task_of

    spec, info = run.spec, run.spec.data.info()
    task, device, labels = task_of(spec, info), resolve(spec.train.device), spec.conditional
    with stage("data"):
        data = checked(lambda: spec.data.build(task), info, spec.data.name, labels=labels)
        feed = Feed(data, spec.train.batch_size, spec.seed, device, labels=labels)
    with stage("networks and optimizers"):
        match = Match(spec, assemble(spec, task, device), feed, device)
    with stage("trial of the order of kernels"):
        lay_out(match, lambda spec: Match(spec, assemble(spec, task, device), feed, device), feed)
    with stage("first grid of pictures"):
        images = generate(match, feed, spec.output.samples, "samples").images
        save_grid(images, run.folder / "samples" / "00000000.png")
    with stage("first step"):
        match.step()


def whole(spec: str, folder: str) -> tuple[float, float]:
    """Seconds until the first step of the run itself is done, and the MiB that it has held at most until then."""
    began = time.perf_counter()
    from ganreg.cli.call import call  # noqa: F401
    from ganreg.cli.commands.run import command  # noqa: F401
    from ganreg.cli.compiler import compiler_when_asked
    from ganreg.registry import Registry

    found = []

    def tick(step: int) -> None:
        found[:] = time.perf_counter() - began, peak()
        raise Enough

    with suppress(Enough), compiler_when_asked():
        _run(spec, folder, Registry.discover()).train(tick=tick)
    seconds, memory = found
    return seconds, memory


def _run(spec: str, folder: str, registry: Any) -> Any:
    from ganreg.api import Run
    from ganreg.spec.document import from_mapping, read

    return Run.of(read(ROOT / spec).merge(from_mapping({"output": {"folder": folder}})), registry)


def first_step(spec: str, rounds: int) -> dict[str, Any]:
    """Medians of the stages, of the whole, and of the peak of its memory."""
    found, wholes, peaks = [], [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            found.append(fresh(stages, spec, f"{folder}/stages")[0])
            seconds, memory = fresh(whole, spec, f"{folder}/whole")[0]
            wholes.append(seconds)
            peaks.append(memory)
    return {
        "stages": {name: _median([took[name] for took in found]) for name in found[0]},
        "whole": _median(wholes),
        "peak": _median(peaks),
    }


def _median(values: Sequence[float]) -> float:
    return round(statistics.median(values), 3)


def measure(rounds: int) -> dict[str, Any]:
    """The commands, and the way to the first step of the demo and of the largest spec."""
    specs = bundled()
    largest = max(specs, key=lambda name: specs[name])
    commands: dict[str, Mapping[str, float]] = {}
    for words in (["--help"], ["list"], ["check", largest]):
        seconds, peaks = zip(*(command(*words) for _ in range(rounds)), strict=True)
        commands[" ".join(["ganreg", *words])] = {"seconds": _median(seconds), "peak": _median(peaks)}
        print(words, commands[" ".join(["ganreg", *words])], file=sys.stderr, flush=True)
    firsts = {}
    for name in dict.fromkeys((DEMO, largest)):
        firsts[name] = first_step(name, rounds)
        print(name, firsts[name], file=sys.stderr, flush=True)
    return {"rounds": rounds, "specs": specs, "commands": commands, "first step": firsts}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", help="where the figures go; printed otherwise")
    options = parser.parse_args()
    found = measure(options.rounds)
    from tests.benchmarks.timing import machine  # which imports torch: not above, for processes to begin without

    command = f"python -m tests.benchmarks.start --rounds {options.rounds}"
    text = json.dumps({"command": command, **machine(), **found}, indent=2) + "\n"
    Path(options.json).write_text(text) if options.json else print(text, end="")


if __name__ == "__main__":
    main()
