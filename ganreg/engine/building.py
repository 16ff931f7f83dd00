"""What a spec stands for: its data, its match, and the training that plays it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from ganreg.assembly import assemble, building
from ganreg.components import Component
from ganreg.engine.batch_norm import normalizes, synchronize
from ganreg.engine.checkpoints import Checkpoints
from ganreg.engine.compilation import compile_parts
from ganreg.engine.dataset import checked
from ganreg.engine.devices import multiplies_bf16, resolve
from ganreg.engine.feed import Feed
from ganreg.engine.folder import RunFolder
from ganreg.engine.layout import lay_out
from ganreg.engine.loop import Training
from ganreg.engine.match import Match
from ganreg.engine.memory import keep_freed
from ganreg.engine.recorder import record_steps
from ganreg.engine.world import ALONE, World
from ganreg.rng import keyed
from ganreg.spec.compatibility import info_of
from ganreg.spec.runspec import RunSpec
from ganreg.task import Task


def feed_of(spec: RunSpec, task: Task) -> Feed:
    """The data, on the run's device. Raises DataError, and SpecError for a device that is not there."""
    labels = task.classes is not None
    with keyed(0, "initialize", "data"):  # runs of several seeds are of the same data
        data = checked(lambda: spec.data.build(task), info_of(spec), spec.data.name, labels=labels)
    return Feed(data, spec.train.batch_size, spec.seed, resolve(spec.train.device), labels=labels)


def match_of(spec: RunSpec, task: Task, feed: Feed | None, world: World = ALONE) -> Match:
    """The match at its first step; without a feed it is for sampling alone. Raises SpecError."""
    keep_freed()
    device = resolve(spec.train.device)
    parts = assemble(spec, task, device)
    if feed is not None:  # who divides with numpy has pictures of a width that few networks take
        feed.double = any(p.dtype == torch.float64 for n in parts.networks.values() for p in n.parameters())
    if spec.train.sync_batch_norm and not world.alone:
        for network in parts.networks.values():
            synchronize(network, world)
    match = Match(spec, parts, feed, device, world)
    match.metrics = {f"metrics.{i}": part for i, part in enumerate(_all_of("metrics", spec.metrics, task, spec.seed))}
    return match


def training_of(spec: RunSpec, task: Task, folder: Path, world: World, say: Callable[[str], None]) -> Training:
    """All parts and the data, at the first step. say: hears what is compiled and recorded, and what not."""
    feed = feed_of(spec, task)
    match = match_of(spec, task, feed, world)

    def again(spec: RunSpec) -> Match:
        return match_of(spec, task, feed, world)

    if not world.alone and any(map(normalizes, match.networks.values())):
        say("batch normalization sees each process's own pictures; train.sync_batch_norm=true lets it see all")
    if spec.train.precision == "bf16" and not multiplies_bf16(match.device):
        say("warning: this processor has no fast kernels for bf16: a step may take ten times as long as in fp32")
    lay_out(match, again, feed)
    if spec.train.compile:
        compile_parts(match, again, say)
    if spec.train.cuda_graphs:
        record_steps(match, say)
    observers = list(_all_of("observers", spec.observers, task, spec.seed)) if world.first else []
    return Training(match, feed, RunFolder(folder), checkpoints_of(spec, folder), observers)


def _all_of(key: str, components: Sequence[Component], task: Task, seed: int) -> Iterator[Any]:
    """What the components under a key of the spec build, in turn."""
    for index, component in enumerate(components):
        with building((key, index), f"the {component.kind} '{component.name}'"):
            built = built_alike(component, task, seed)
        yield built


def built_alike(component: Component, task: Task, seed: int) -> Any:
    """What a part that only looks on builds: the same in every process of a run, and in whoever measures it later."""
    with keyed(seed, "initialize", component.name):
        return component.build(task)


def checkpoints_of(spec: RunSpec, folder: Path) -> Checkpoints:
    """The checkpoints of the run in a folder."""
    return Checkpoints(folder / "checkpoints", spec.output.keep)
