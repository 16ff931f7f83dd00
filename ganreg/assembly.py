"""From a spec to the things that play: networks, loss, penalties, augmentation, schedule, optimizers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from ganreg.components import Component, Loss, Penalty
from ganreg.components.base import distinct
from ganreg.errors import GanregError, Mistake, SpecError, SpecPath
from ganreg.rng import keyed
from ganreg.spec.runspec import RunSpec, components_in
from ganreg.task import Task

SHAPED = (
    "let build give every layer its sizes, which follow from the task, or call the network once before it returns it"
)


@dataclass(frozen=True)
class Term:
    """A penalty of the spec beside what it built, under the name that the log gives its term."""

    name: str
    spec: Penalty
    built: Any


@dataclass(frozen=True)
class Parts:
    """Everything that a spec names, built."""

    task: Task
    game: Any
    networks: Mapping[str, nn.Module]
    loss: Any
    penalties: tuple[Term, ...]
    augment: Any
    schedule: Any
    optimizers: Mapping[str, Callable[[Iterable[Any]], torch.optim.Optimizer]]

    def others(self) -> Iterator[tuple[str, Any]]:
        """Everything that is no network and plays, by name; of inner parts those that may have state or listen."""
        yield from with_inner("game", self.game)
        yield from with_inner("loss", self.loss)
        for term in self.penalties:
            yield from with_inner(f"penalties.{term.name}", term.built)
        if self.augment is not None:
            yield from with_inner("augment", self.augment)
        yield from with_inner("schedule", self.schedule)


def assemble(spec: RunSpec, task: Task, device: torch.device) -> Parts:
    """Build all parts of a run on a device; on "meta" nothing is allocated.

    Each part is initialized from its own seed, so that changing one leaves the others' weights as they were.
    Raises SpecError where a part cannot be built.
    """

    def make(path: SpecPath, name: str, component: Component, its_task: Task = task) -> Any:
        return _build(path, name, component, its_task, spec.seed, device)

    networks, optimizers = _networks(spec, task, make), _optimizers(spec, make)
    names = distinct([penalty.name for penalty in spec.penalties])
    return Parts(
        task=task,
        game=make(("game",), "game", spec.game),
        networks=networks,
        loss=make(("loss",), "loss", spec.loss),
        penalties=tuple(
            Term(name, penalty, make(("penalties", index), name, penalty))
            for index, (name, penalty) in enumerate(zip(names, spec.penalties, strict=True))
        ),
        augment=spec.augment and make(("augment",), "augment", spec.augment),
        schedule=make(("schedule",), "schedule", spec.schedule),
        optimizers=optimizers,
    )


def _networks(spec: RunSpec, task: Task, make: Callable[..., Any]) -> dict[str, nn.Module]:
    """The game's networks, made by path, name, component and task. Raises SpecError for what could not play."""
    roles = {"generator": spec.generator, "discriminator": spec.discriminator, "encoder": spec.encoder}
    networks = {}
    for name, role in spec.game.networks.items():
        component = roles[role]
        assert component is not None, "compatibility checks that every role is filled"
        network = make((role,), name, component, spec.game.task_for(name, task))
        if not isinstance(network, nn.Module):
            message = f"the {role} '{component.name}' built a {type(network).__name__}, not a torch.nn.Module"
            raise SpecError([Mistake(message, (role,))])
        if lazy := unshaped(network):
            message = f"the {role} '{component.name}' has a weight that takes its shape from the first batch, '{lazy}'"
            raise SpecError([Mistake(message, (role,), hint=SHAPED)])
        networks[name] = network
    return networks


def _optimizers(spec: RunSpec, make: Callable[..., Any]) -> dict[str, partial[torch.optim.Optimizer]]:
    """What makes each player's optimizer of parameters. Raises SpecError for what can make none."""
    optimizers = {}
    for player, optimizer in spec.optimizers.items():
        path = ("optimizers", player)
        function = make(path, player, optimizer)
        if not callable(function):
            message = f"the optimizer '{optimizer.name}' built no function from parameters to an optimizer"
            raise SpecError([Mistake(message, path)])
        optimizers[player] = partial(_optimizer, path, optimizer.name, function)
    return optimizers


def unshaped(network: nn.Module) -> str:
    """The first weight or buffer of a network that has no shape yet, as in nn.LazyLinear; empty where all have one.

    Such weights could be neither seeded with their part, nor averaged, nor compared with a checkpoint.
    """
    named = (*network.named_parameters(), *network.named_buffers())
    return next((name for name, tensor in named if is_lazy(tensor)), "")


def reads_real(loss: Loss, built: Any) -> bool:
    """Whether a loss, or what it built, or a loss inside it, has a generator's side that is given the real outputs."""
    parts = (built, *(part for _, part in components_in(loss)))
    return any(getattr(part, "generator_uses_real", False) for part in parts)


@contextmanager
def building(path: SpecPath, who: str) -> Iterator[None]:
    """A failure within is a SpecError that names who is built; what a part says in words of ganreg's own stands."""
    try:
        yield
    except GanregError:
        raise
    except Exception as error:
        raise SpecError([Mistake(f"{who} cannot be built: {type(error).__name__}: {error}", path)]) from error


def _optimizer(
    path: SpecPath, name: str, function: Callable[[Iterable[Any]], Any], parameters: Iterable[Any]
) -> torch.optim.Optimizer:
    """What an optimizer's function makes of parameters."""
    with building(path, f"the optimizer '{name}'"):
        optimizer = function(parameters)
    if not isinstance(optimizer, torch.optim.Optimizer):
        message = f"the optimizer '{name}' makes a {type(optimizer).__name__} of parameters, no torch.optim.Optimizer"
        raise SpecError([Mistake(message, path)])
    return optimizer


def _build(path: SpecPath, name: str, component: Component, task: Task, seed: int, device: torch.device) -> Any:
    with keyed(seed, "initialize", name), building(path, f"the {component.kind} '{component.name}'"):
        if device.type == "meta":
            with device:
                return component.build(task)
        # Weights are drawn on the CPU, so that every device starts from the same ones.
        built = component.build(task)
    for _, part in with_inner(name, built):
        if isinstance(part, nn.Module):
            part.to(device)
            _unfold(part)
    return built


def _unfold(part: nn.Module) -> None:
    """Give each buffer numbers of its own: those of `expand`, and so of `torch.meshgrid`, cannot be written."""
    for module in part.modules():
        for name, buffer in module._buffers.items():
            if buffer is None or is_lazy(buffer):
                continue
            if any(size > 1 and stride == 0 for size, stride in zip(buffer.shape, buffer.stride(), strict=True)):
                module._buffers[name] = buffer.contiguous()


def with_inner(name: str, part: Any) -> Iterator[tuple[str, Any]]:
    """A part, and those that stand in the fields of a component."""
    yield name, part
    for field in type(part).model_fields if isinstance(part, Component) else ():
        yield from _inner(f"{name}.{field}", getattr(part, field))


def _inner(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The part that stands in a field, or those in tuples there, each with its own."""
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _inner(f"{name}.{index}", item)
    elif isinstance(value, Component) or hasattr(value, "state_dict") or hasattr(value, "after_update"):
        yield from with_inner(name, value)
