"""Play one step without memory or time, and say what a user wants to know before the real one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import nn

from ganreg import processes
from ganreg.assembly import Parts, assemble
from ganreg.check.probe import META, NetworkSummary, Probe
from ganreg.check.tracking import Tracker
from ganreg.engine.blame import culprit, misfit, place, sentence
from ganreg.engine.devices import resolve
from ganreg.engine.feed import NoiseFeed
from ganreg.engine.inherit import heritage
from ganreg.engine.match import Match
from ganreg.errors import GanregError, Mistake, PluginError, SpecError
from ganreg.rng import untouched
from ganreg.spec.runspec import RunSpec
from ganreg.task import Task

CALLS = {
    "generator": "forward(z, labels=None), image-to-image as forward(source, z=None, labels=None)",
    "discriminator": "forward(images, labels=None)",
    "encoder": "forward(images, labels=None)",
}
"""The contracts of networks."""


@dataclass(frozen=True)
class DryRun:
    """What the dry run found. flops: floating-point operations of one step, a multiply-add counting as two.

    memory: estimated peak of bytes on the device, data left out.
    """

    task: Task
    networks: Mapping[str, NetworkSummary]
    terms: tuple[str, ...]
    flops: int
    memory: int
    warnings: tuple[str, ...]


def dry_run(spec: RunSpec, task: Task, given: Mapping[str, Any] | None = None) -> DryRun:
    """Build everything on the meta device and play one full step of the schedule there.

    A part that fails without numbers is played with some, on the run's own device, which takes their memory and time;
    a warning says so. given: the state of the run that the spec starts from; None where that does not matter. Raises
    SpecError: a part cannot be built, shapes do not fit, a parameter gets no gradient, labels are ignored, the given
    state is of other networks.
    """
    try:
        return rehearsal(spec, task, given)
    except SpecError as error:
        if error.__cause__ is None:  # refused, and no failure of a part's code
            raise
        failure = error.mistakes[0].message
    device = _device_of(spec)
    found = rehearsal(_share_of(spec), task, given, device)
    return replace(found, warnings=(f"{failure}; with numbers, on {device}, the step can be played", *found.warnings))


def rehearsal(spec: RunSpec, task: Task, given: Mapping[str, Any] | None = None, device: torch.device = META) -> DryRun:
    """The dry run on one device, with noise for pictures. Raises SpecError, whose cause is what a part has raised."""
    tracker = Tracker()
    with untouched(), torch.autograd.set_detect_anomaly(False), tracker:  # anomalies are looked for in training
        parts = _assembled(spec, task, device)
        built = _shapes(parts.networks)
        match = Probe(spec, parts, NoiseFeed(task, spec.train.batch_size, device), device, tracker)
        try:
            for step in (0, *spec.schedule.milestones()):
                match.step_index = step
                match.step()
        except PluginError as error:
            raise SpecError([Mistake(f"in the dry run {error}")]) from error
        except GanregError:
            raise
        except Exception as error:
            path, who = culprit(error, match)
            told = f"{who} fails in the dry run: {sentence(error)}"
            called = CALLS.get(str(path[0])) if path and misfit(error) else None
            hint = f"it is called as {called}: let build wrap a network of another signature" if called else ""
            raise SpecError([match.misfit() or Mistake(told, path, hint=hint)]) from error
        mistakes, warnings = match.findings()
    if _shapes(parts.networks) != built:
        _refuse_unloadable(match)
    if spec.init and given is not None:
        heritage(spec.init, given, parts.networks)
    if mistakes:
        raise SpecError(mistakes)
    return DryRun(
        task=task,
        networks={name: match.summary(name) for name in parts.networks},
        terms=tuple(match.terms),
        flops=match.flops,
        memory=tracker.peak,
        warnings=tuple(warnings),
    )


def _shapes(networks: Mapping[str, nn.Module]) -> dict[str, dict[str, Any]]:
    """The shapes of what a checkpoint would hold of each network, by its key."""
    states = {name: network.state_dict(keep_vars=True) for name, network in networks.items()}
    return {name: {key: getattr(kept, "shape", None) for key, kept in state.items()} for name, state in states.items()}


def _refuse_unloadable(match: Probe) -> None:
    """Raise SpecError where what a run saves of a network after a step could not be loaded when it goes on."""
    spec, task, device = match.spec, match.parts.task, match.device
    with untouched():
        fresh = Match(spec, _assembled(spec, task, device), None, device)
        fresh.stage(**asdict(match.current_stage))
        saved, built = _shapes(match.networks), _shapes(fresh.networks)
        for name, network in match.networks.items():
            try:
                fresh.networks[name].load_state_dict(network.state_dict())
            except Exception as error:
                keys = [key for key in {**built[name], **saved[name]} if saved[name].get(key) != built[name].get(key)]
                told = f"makes or resizes '{keys[0]}' in its forward" if keys else f"fails to load: {sentence(error)}"
                hint = "no checkpoint of it could be loaded: make buffers whole in build, and write into them"
                message = f"{match.component(name)} {told}"
                raise SpecError([Mistake(message, (spec.game.networks[name],), hint=hint)]) from error


def _device_of(spec: RunSpec) -> torch.device:
    """Where the run will play; the CPU where this machine has no such device."""
    try:
        return resolve(spec.train.device)
    except SpecError:
        return torch.device("cpu")


def _share_of(spec: RunSpec) -> RunSpec:
    """The spec with the pictures of one process: a device may have no room for those of all."""
    train = spec.train.model_copy(update={"batch_size": spec.train.batch_size // processes.size()})
    return spec.model_copy(update={"train": train})


def _assembled(spec: RunSpec, task: Task, device: torch.device) -> Parts:
    """All parts. Of one that cannot be built, the mistakes have the line of its code."""
    try:
        return assemble(spec, task, device)
    except SpecError as error:
        cause = error.__cause__
        where = place(cause) if cause else ""
        if not where:
            raise
        raise SpecError([replace(m, message=f"{m.message} ({where})") for m in error.mistakes]) from cause
