"""Networks under test: built as the engine builds them, and called as it calls them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ganreg.assembly import with_inner
from ganreg.check.probe import LOGITS
from ganreg.components import Component
from ganreg.engine.outputs import as_output
from ganreg.engine.stage import set_stage
from ganreg.rng import keyed, rekey
from ganreg.task import Task, describe
from ganreg.testing.check import Failure, Skip
from ganreg.testing.suite import Subject

CPU, META = torch.device("cpu"), torch.device("meta")
NUMBERLESS = "make tensors with device=… of an input; no .item() or numpy, and no branch on values"
"""How a part is mended that fails on the meta device, where there are shapes and no numbers."""
TYPES = "let types meet by .to(x.dtype), and keep what may overflow in float32: .float() before exp, log or a sum"
"""How a part is mended that fails in bfloat16."""
STAGES = 9
"""Stages of growth that are tried: from 4x4 that is far beyond 1024x1024."""

LARGEST = 32
"""The largest side that is tried with numbers; beyond it shapes alone are looked at, on the meta device."""

LATENT_WORDS = frozenset({"latent", "z"})
"""Further arguments of a discriminator's forward that the kit can give: those of a pair's latent."""


def build(part: Component, task: Task, *, seed: int = 0, device: torch.device = CPU) -> Any:
    """What a component builds, from a seed alone, as the engine does it."""
    with keyed(seed, "initialize", part.kind):
        if device.type != "meta":
            return part.build(task)
        with device:
            return part.build(task)


def in_double(part: Any) -> None:
    """Turn a built part to float64, as a run does with its networks: weights of its own, and of parts inside it."""
    for _, inner in with_inner("", part):
        if isinstance(inner, nn.Module):
            inner.double()


@dataclass(frozen=True)
class Network:
    """A network of a role, and the task that it was built for. stage: where it stands, if it grows."""

    role: str
    module: nn.Module
    task: Task
    device: torch.device = CPU
    stage: int | None = None

    def __call__(
        self, count: int = 4, *, labels: Tensor | None = None, dtype: torch.dtype = torch.float32, seed: int = 0
    ) -> Any:
        """What it makes of `count` random inputs, which follow from the seed; so does what it draws itself."""
        arguments, words = self.inputs(count, labels=labels, dtype=dtype, seed=seed)
        rekey(seed)
        return self.module(*arguments, **words)

    def inputs(
        self, count: int, *, labels: Tensor | None = None, dtype: torch.dtype = torch.float32, seed: int = 0
    ) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of a forward: noise, pictures in [-1, 1], labels in turn."""
        numbers = torch.Generator().manual_seed(seed)
        task = self.task

        def pictures(shape: tuple[int, ...]) -> Tensor:
            return (torch.rand(count, *shape, generator=numbers, dtype=dtype) * 2 - 1).to(self.device)

        z = torch.randn(count, task.latent, generator=numbers, dtype=dtype).to(self.device)
        if labels is None and task.classes is not None:
            labels = torch.arange(count, device=self.device) % task.classes
        if self.role != "generator":
            return [pictures(task.image), labels], dict.fromkeys(further_words(self.module), z)
        return [z, labels] if task.source is None else [pictures(task.source), z, labels], {}

    def to(self, device: torch.device) -> Network:
        """The network, moved."""
        return replace(self, module=self.module.to(device), device=device)

    def serves(self) -> None:
        """Raise Failure where four inputs do not become what the role promises."""
        verify(self, self(4), 4)


def further_words(module: nn.Module) -> list[str]:
    """What a forward needs beyond images and labels."""
    parameters = inspect.signature(module.forward).parameters.values()
    named = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][2:]
    named += [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    needed = [p.name for p in named if p.default is p.empty]
    unknown = [name for name in needed if name not in LATENT_WORDS]
    if unknown:
        raise Skip(f"its forward needs '{unknown[0]}', which only a game gives")
    return needed


def verify(network: Network, output: Any, count: int) -> None:
    """Raise Failure where an output is not what the role promises for `count` inputs."""
    task, on = network.task, f"for {count} inputs of {describe(network.task.image)}"
    if network.role == "discriminator":
        for scale in as_output(output, None).scales():
            if not isinstance(scale.logits, Tensor) or scale.logits.dim() == 0 or len(scale.logits) != count:
                raise Failure(f"its logits are {shape_of(scale.logits)} {on}: their first size must be {count}")
            if scale.logits.dim() > 1 and scale.logits.shape[1] != 1:
                raise Failure(f"its logits are {shape_of(scale.logits)} {on}: their second size must be 1", LOGITS)
        return
    wanted = (count, *task.image) if network.role == "generator" else (count, task.latent)
    if not isinstance(output, Tensor) or tuple(output.shape) != wanted:
        raise Failure(f"it gives {shape_of(output)}, not {wanted}, {on}")


def built(subject: Subject, task: Task | None = None, *, seed: int = 0, device: torch.device = CPU) -> Network:
    """A fresh network of a subject, by default for the task that it is tried on; grown until it serves the task."""
    task = task or subject.task
    module = build(subject.make(), task, seed=seed, device=device)
    network = Network(subject.kind, module, task, device)
    if not hasattr(module, "set_stage"):
        return network
    return next(_grown(network), network)


def _grown(network: Network) -> Iterator[Network]:
    """The network at every stage at which it serves its task."""
    for stage in range(STAGES):
        set_stage(network.module, stage, 1.0)
        try:
            network.serves()
        except Exception:
            continue
        yield replace(network, stage=stage)


def first_served(subject: Subject) -> Task:
    """The first task that a network claims and serves; the first that it claims, where it serves none."""
    for task in subject.claimed:
        if max(task.image) <= LARGEST or task == subject.claimed[0]:
            try:
                built(subject, task).serves()
            except Exception:
                continue
            return task
    return subject.claimed[0]


def task_with(subject: Subject, classes: int | None) -> Task | None:
    """The task that a subject is tried on, with classes or without, where it claims that."""
    same = (t for t in subject.claimed if t.image == subject.task.image and t.classes == classes)
    return next(same, None)


def mixed(module: nn.Module, strength: float, seed: int = 0) -> None:
    """Move every parameter at random, so that nothing is hidden by how the weights start."""
    numbers = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=numbers).to(parameter), alpha=strength)


def same_tensors(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The names under which two states differ, bit for bit."""
    return [k for k in {**one, **other} if k not in one or k not in other or not torch.equal(one[k], other[k])]


def shape_of(value: Any) -> str:
    """A tensor's shape, or what there is in place of one."""
    return str(tuple(value.shape)) if isinstance(value, Tensor) else f"a {type(value).__name__}"
