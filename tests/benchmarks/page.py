"""Write docs/performance.md and its curves: `python -m tests.benchmarks.page speed.json curves.json`.

All of the page is written anew: a section whose file is an option and not given is not on it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.cases import CASES
from tests.benchmarks.cases import WIDE as WIDE_CASES

DOCS = Path(__file__).parents[2] / "docs"
ACCELERATED = Path(__file__).with_name("accelerator.json")
"""What tests.benchmarks.accelerator has found where there was one: most machines have none."""
COMPILED_THERE = Path(__file__).with_name("accelerator-compiled.json")
"""The same with what is compiled."""
INTRODUCTION = """\
<!-- Written by tests/benchmarks/page.py: run `make bench`. -->

# Performance

What a step costs beside the loop that one would write oneself: same networks, batch, optimizer and moving average,
pictures in memory as bytes (`tests/benchmarks/bare.py`). ganreg trains as it always does, with its log, guards and
keyed randomness; now and then it is stopped and the others do as many steps, so that all of them meet the same moods of
the machine. Ratios are medians over rounds, with quartiles.

- **bare**: torch's Adam as it comes, and two forwards of the generator.
- **bare, fused**: the same with `fused=True`.
- **the same work**: the fused loop beside ganreg told to do just that: kernels with channels first, and a schedule that
  makes pictures twice. What is left is what ganreg itself costs;
  [decision 25](decisions/0025-what-a-step-costs-beside-a-bare-loops.md) tells of what.
- **matrix work**: the convolutions and dense layers of a step of ganreg's alone, forward and backward: the floor.

ganreg's defaults make the generated pictures of a step once, move weights by fused kernels, and lay convolutions out
with channels last; [decision 15](decisions/0015-the-order-of-memory.md) says when.
"""
ALONE = """\
All of these share a process, and so what it does with memory: what a step has freed is kept for the next one wherever
ganreg trains ([decision 17](decisions/0017-freed-memory-is-kept.md)), here for the bare loops too. Next `ganreg run`
beside the bare loop in another process, which is left as Python and torch make it; they take turns. The peak is that of
each process from its first import to its end, the last checkpoint and the report included. torch imports its compiler
for the bare loop's optimizer; `ganreg run` does without
([decision 22](decisions/0022-the-compiler-comes-when-asked.md)). Frugal is `train.reuse_fakes: false`, which makes the
generated pictures of a step twice and keeps no graph of them. The same work is what it is above, here done by
`ganreg run` beside the fused loop.
"""
DEVICES = """\
## Devices

Two processes of one thread each beside one such process, same batch in all, Gloo; the prediction is
[the cost model's](scaling.md#what-it-costs). Half the batch is measured in two processes side by side that know nothing
of each other, of which the slower one counts.
"""
PEERS = """\
## Beside other libraries

Two older libraries train the networks of three of these cases by their own trainers, beside ganreg and the bare loop:
{}, on the same torch. Loss, batch and optimizer are the same. They take pictures as
floats in memory from a `DataLoader` without workers and write their log as they come (torchgan's goes nowhere without
tensorboardX, which it does not require); console, pictures and checkpoints are off. They hold no moving average, which
ganreg and the bare loop do. Each loop has a thread of its own, only one of them runs at any time, and all take turns.
Ratios are to the bare loop. Of torch-mimicry that part is left out which no longer imports: data sets and metrics.
"""
COMPILED = """\
## Compiled

`ganreg run` with `train.compile: true`, which compiles networks and loss, beside the bare loop, each in a process of
its own. Penalties that differentiate a gradient run uncompiled beside them, and so does what a trial step fails with:
here the discriminator of `resnet-32`, whose spectral normalization torch's compiler does not keep apart in two
forwards. What compiling itself takes, some ten seconds to a minute before the first step, is not counted.
"""

BF16 = """\
## Half precision

The same with `train.precision: bf16`, where networks and losses run under `torch.autocast` and weights and optimizers
keep their 32 bits. The processor's AMX multiplies matrices of bfloat16 several times as fast. One that has no
kernels for it loses: on an AMD EPYC of the third generation the perceptron took ten times as long. A run says so.
"""

ACCELERATOR = """\
## On an accelerator

The same cases, by loops that take turns in one process. Networks as small as these leave such a device idle while
Python launches their kernels one by one. With `train.cuda_graphs: true` a step is recorded once and then replayed
([decision 18](decisions/0018-steps-that-are-replayed.md)), which takes as long as its kernels do; a run whose device
waits says so. Step by step it is Python that is measured, with the spread that it has there; ganreg's way to
differentiate twice (`wgan-gp`) takes more of it than torch's, and fewer kernels. All compute in 32 bits here, with TF32
in convolutions, as torch does by itself.
"""
COMPILED_WIDE = """\
Compiled, the larger DCGAN gains nothing over the kernels of the library. Its generator runs uncompiled beside the rest
here: torch's compiler takes its first layer's gradient for one with channels first, and fails, of which a line tells.
"""
WIDE = """\
Two cases that keep the device busy, in batches of 256: DCGAN-64 of width 128, and the ResNet of width 256. ganreg lays
convolutions out with channels last here, as on CPUs. It holds more than the bare loop, because the generator's
activations of the discriminator's turn are kept for its own; `train.reuse_fakes: false` and `train.accumulate` make
less of it.
"""

START = """\
## Start

Commands from their call to their end, each in a process of its own, and the way of `ganreg run` to its first step. The
spec that is checked is the largest that comes with ganreg, by parameters. Importing torch is part of the check;
its compiler stays out ([decision 22](decisions/0022-the-compiler-comes-when-asked.md)).
"""
LOADER = """\
## Pictures from a folder

`image-folder` with {count:,} JPEGs of {kilobytes:.1f} kB, in ten classes, at 64 pixels; then a class-conditional DCGAN
in batches of 64. The feed is all that stands between a step and its pictures: rows of the cache, made floats.
"""
CACHES = {
    "in memory": "the cache in the system's memory",
    "dropped": "the cache on disk alone at the start",
    "few": "one picture in a hundred",
}


def main() -> None:
    """The page and its picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speed", type=read)
    parser.add_argument("curves", type=read)
    parser.add_argument("--peers", type=read, metavar="FILE", help="what tests.benchmarks.peers has found")
    parser.add_argument("--compiled", type=read, metavar="FILE", help="what tests.benchmarks has found so")
    parser.add_argument("--bf16", type=read, metavar="FILE", help="what tests.benchmarks has found so")
    parser.add_argument("--start", type=read, metavar="FILE", help="what tests.benchmarks.start has found")
    parser.add_argument("--loader", type=read, metavar="FILE", help="what tests.benchmarks.loader has found")
    options = parser.parse_args()
    lines = [
        *page(options.speed, options.curves),
        *(beside(options.peers) if options.peers else ()),
        *(changed(COMPILED, "compiled", options.compiled, options.speed) if options.compiled else ()),
        *(changed(BF16, "bf16", options.bf16, options.speed) if options.bf16 else ()),
        *accelerator(read(str(ACCELERATED))),
        *compiled_there(read(str(COMPILED_THERE))),
        *(start(options.start) if options.start else ()),
        *(loader(options.loader) if options.loader else ()),
    ]
    (DOCS / "performance.md").write_text("\n".join([*lines, ""]))
    draw(options.curves["curves"], DOCS / "performance.svg")


def read(name: str) -> Any:
    """The figures of a file."""
    return json.loads(Path(name).read_text())


def page(speed: Mapping[str, Any], curves: Mapping[str, Any]) -> Iterator[str]:
    """Its lines."""
    yield INTRODUCTION
    yield measured(speed, cores(speed))
    yield "| case | ganreg | bare | bare, fused | matrix work | to bare | the same work | to matrix work |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, case in speed["cases"].items():
        times = [f"{case['milliseconds'][loop]:.1f} ms" for loop in ("ganreg", "bare", "bare, fused", "matrix work")]
        ratios = [shown(case["ratio"].get(other)) for other in ("bare", "the same work", "matrix work")]
        yield row(name, [*times, *ratios])
    yield "\n" + ALONE
    header = ["`ganreg run`", "bare", "to bare", "the same work", "peak", "of bare", "to bare"]
    yield row("case", [*header, "frugal to bare", "its peak to bare's"])
    yield "|---" * 10 + "|"
    for name, case in speed["cases"].items():
        found = case["alone"]
        mine, few, bare = (found["peak"][who] for who in ("ganreg", "frugal", "bare"))
        peaks = [f"{mine:.0f} MiB", f"{bare:.0f} MiB", f"{mine / bare:.2f}"]
        ratios = [shown(found["ratio"]), shown(found["same"])]
        yield row(name, [*both(found), *ratios, *peaks, shown(found["frugal"]), f"{few / bare:.2f}"])
    yield "\n## Curves\n"
    centre = ", ".join(f"{axis} {value}" for axis, value in curves["centre"].items())
    yield f"A DCGAN's step in a process of one thread, around {centre} (`python -m tests.benchmarks.curves`).\n"
    yield "![Milliseconds per step over batch, width and resolution](performance.svg)\n"
    for axis, points in curves["curves"].items():
        yield f"| {axis} | {' | '.join(str(value) for value, _ in points)} |"
        yield "|---|" + "---|" * len(points)
        yield f"| ms per step | {' | '.join(f'{ms:.1f}' for _, ms in points)} |\n"
    yield DEVICES
    yield "| | weights | one | one, half the batch | summing gradients | other messages | predicted | two | speed-up |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for found in curves["scaling"].values():
        place = ", ".join(f"{axis} {value}" for axis, value in found["place"].items())
        keys = ("one", "one, half the batch", "reduction", "messages", "predicted")
        times = " | ".join(f"{found[key]:.1f} ms" for key in keys)
        low, high = found["spread"]
        two = f"{found['two']:.1f} ms ({low:.1f} … {high:.1f})"
        yield f"| {place} | {found['weights']:,} | {times} | {two} | {found['one'] / found['two']:.2f} |"


def beside(peers: Mapping[str, Any]) -> Iterator[str]:
    """The lines of ganreg beside other libraries."""
    yield "\n" + PEERS.format(" and ".join(f"{package} {version}" for package, version in peers["peers"].items()))
    yield measured(peers, cores(peers))
    first = next(iter(peers["cases"].values()))
    loops, ratios = list(first["milliseconds"]), list(first["ratio"])
    header = ["case", *loops, *(f"{loop} to bare" for loop in ratios)]
    yield f"| {' | '.join(header)} |"
    yield "|---" * len(header) + "|"
    for name, case in peers["cases"].items():
        times = [f"{case['milliseconds'][loop]:.1f} ms" for loop in loops]
        yield row(name, [*times, *(shown(case["ratio"][loop]) for loop in ratios)])


def changed(introduction: str, how: str, found: Mapping[str, Any], speed: Mapping[str, Any]) -> Iterator[str]:
    """The lines of what a setting brings."""
    yield "\n" + introduction
    yield measured(found, cores(found))
    yield f"| case | `ganreg run`, {how} | bare | to bare | to bare without |\n|---|---|---|---|---|"
    for name, case in found["cases"].items():
        yield row(name, [*both(case["alone"]), *(shown(c["alone"]["ratio"]) for c in (case, speed["cases"][name]))])
    pays = [name for name, case in found["cases"].items() if median(case) < median(speed["cases"][name])]
    yield f"\nSo here it pays in {len(pays)} of {len(found['cases'])} cases{': ' if pays else ''}{', '.join(pays)}."


def accelerator(found: Mapping[str, Any]) -> Iterator[str]:
    """The lines of an accelerator: the cases in few settings, and those that keep it busy in all."""
    cases, loops = found["cases"], ("bare", "bare, fused", "ganreg", "replayed")
    yield "\n" + ACCELERATOR
    yield measured(found, f"medians of {found['rounds']} rounds")
    yield row("case", [*loops, "ganreg to bare", "replayed to bare", "images a second, replayed"])
    yield "|---" * 8 + "|"
    for name in CASES:
        case = cases[name]
        ratios = [shown(case["ratio"][loop]) for loop in loops[2:]]
        times = [f"{case['milliseconds'][loop]:.2f} ms" for loop in loops]
        yield row(name, [*times, *ratios, f"{case['images per second']['replayed']:,}"])
    yield "\n" + WIDE
    yield from in_settings(cases, WIDE_CASES)


def compiled_there(found: Mapping[str, Any]) -> Iterator[str]:
    """The lines of what is compiled on an accelerator."""
    yield COMPILED_WIDE
    yield measured(found, f"medians of {found['rounds']} rounds")
    yield from in_settings(found["cases"], found["cases"])


def in_settings(cases: Mapping[str, Any], names: Iterable[str]) -> Iterator[str]:
    """A table for each of some cases, with a line for each loop."""
    for name in names:
        case = cases[name]
        yield row(name, ["step", "to bare", "images a second", "memory held"])
        yield "|---|---|---|---|---|"
        for loop, ms in case["milliseconds"].items():
            held, speed = case["held"][loop], case["images per second"][loop]
            yield row(loop, [f"{ms:.2f} ms", shown(case["ratio"][loop]), f"{speed:,}", f"{held:,.0f} MiB"])
        yield ""


def median(case: Mapping[str, Any]) -> float:
    """Of the ratios of `ganreg run` to the bare loop."""
    return float(case["alone"]["ratio"][1])


def start(found: Mapping[str, Any]) -> Iterator[str]:
    """What commands cost, and a run until its first step."""
    yield "\n" + START
    yield measured(found, f"medians of {found['rounds']} processes")
    yield "| command | seconds | peak |\n|---|---|---|"
    for name, cost in found["commands"].items():
        yield f"| `{name}` | {cost['seconds']:.2f} | {cost['peak']:.0f} MiB |"
    firsts = found["first step"]
    yield "\nOf `ganreg run` until its first step is done, in seconds:\n"
    yield row("stage", [f"`{spec}`" for spec in firsts])
    yield "|---|" + "---|" * len(firsts)
    for stage in next(iter(firsts.values()))["stages"]:
        yield row(stage, [f"{first['stages'][stage]:.2f}" for first in firsts.values()])
    yield row("the run itself, until then", [f"{first['whole']:.2f}" for first in firsts.values()])
    yield row("peak of its memory", [f"{first['peak']:.0f} MiB" for first in firsts.values()])


def loader(found: Mapping[str, Any]) -> Iterator[str]:
    """What a large folder of pictures costs at the start and in each step."""
    yield "\n" + LOADER.format(count=found["pictures"], kilobytes=found["bytes"] / 1e3)
    yield measured(found, cores(found))
    rate = found["pictures"] / found["first"]
    yield "| before training | seconds | peak |\n|---|---|---|"
    yield f"| listing the files | {found['listing']:.2f} | |"
    yield f"| resizing all, once: {rate:,.0f} a second | {found['first']:.0f} | {found['first, peak']:.0f} MiB |"
    yield f"| opening the cache again | {found['again']:.2f} | {found['again, peak']:.0f} MiB |"
    yield f"\nThe cache takes {found['disk'] / 2**20:,.0f} MiB of disk.\n"
    yield "| training | step | of it the feed | share | first step after | peak |\n|---|---|---|---|---|---|"
    for name, label in CACHES.items():
        of = found[name]
        times = f"{of['step']:.1f} ms | {of['feed']:.2f} ms | **{of['share']:.2%}**"
        yield f"| {label} | {times} | {of['start']:.1f} s | {of['peak']:,} MiB |"


def both(found: Mapping[str, Any]) -> list[str]:
    """A step of `ganreg run` and of the bare loop, of which each had a process of its own."""
    return [f"{found['milliseconds'][who]:.1f} ms" for who in ("ganreg", "bare")]


def row(name: str, cells: Iterable[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join([name, *cells])} |"


def measured(found: Mapping[str, Any], how: str) -> str:
    """On what, and by which command."""
    what = f"Measured on {found['processor']}, with torch {found['torch']} and Python {found['python']}, {how}:"
    return f"{what}\n`{found['command'].strip()}`.\n"


def cores(found: Mapping[str, Any]) -> str:
    """How many took part."""
    return f"{found['threads']} of {found['cores']} cores, shared"


def shown(ratio: list[float] | None) -> str:
    """A ratio with its quartiles."""
    return "" if ratio is None else f"**{ratio[1]:.2f}** ({ratio[0]:.2f} … {ratio[2]:.2f})"


def draw(curves: Mapping[str, list[list[float]]], path: Path) -> None:
    """Milliseconds over each axis, both logarithmic."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 2.8), layout="constrained")
    for axes, (axis, points) in zip(figure.subplots(1, len(curves), sharey=True), curves.items(), strict=True):
        values, times = zip(*points, strict=True)
        axes.loglog(values, times, "o-", base=2)
        axes.set_xticks(values, [str(value) for value in values], minor=False)
        axes.set_xlabel(axis)
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("ms per step")
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
