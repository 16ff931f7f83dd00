"""Play one step without memory or time, and say what a user wants to know before the real one."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ganreg.assembly import Parts, assemble
from ganreg.check.probe import META, NetworkSummary, Probe
from ganreg.check.tracking import Tracker
from ganreg.engine.blame import culprit, place, sentence
from ganreg.engine.feed import MetaFeed
from ganreg.engine.inherit import heritage
from ganreg.errors import GanregError, Mistake, PluginError, SpecError
from ganreg.rng import untouched
from ganreg.spec.runspec import RunSpec
from ganreg.task import Task

NUMBERLESS = "make tensors with device=… of an input; no .item() or numpy, and no branch on values"
"""How a part is mended that fails on the meta device, where there are shapes and no numbers."""
PARAMETRIZATIONS = str(Path(torch.__file__).parent / "nn" / "utils")


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

    given: the state of the run that the spec starts from; None where that does not matter. Raises SpecError: a part
    cannot be built, shapes do not fit, a parameter gets no gradient, labels are ignored, the given state is of other
    networks.
    """
    tracker = Tracker()
    with untouched(), torch.autograd.set_detect_anomaly(False), tracker:  # anomalies are looked for among numbers
        parts = _assembled(spec, task)
        fixed = sum(t.nbytes for n in parts.networks.values() for t in (*n.parameters(), *n.buffers()))
        match = Probe(spec, parts, MetaFeed(task, spec.train.batch_size), tracker)
        try:
            for step in (0, *spec.schedule.milestones()):
                match.step_index = step
                match.step()
        except PluginError as error:
            raise SpecError([Mistake(f"in the dry run {error}", hint=_help(error.__cause__))]) from error
        except GanregError:
            raise
        except Exception as error:
            path, who = culprit(error, match)
            told = f"{who} fails in the dry run: {sentence(error)}"
            raise SpecError([match.misfit() or Mistake(told, path, hint=_help(error))]) from error
        mistakes, warnings = match.findings()
    if spec.init and given is not None:
        heritage(spec.init, given, parts.networks)
    if mistakes:
        raise SpecError(mistakes)
    return DryRun(
        task=task,
        networks={name: match.summary(name) for name in parts.networks},
        terms=tuple(match.terms),
        flops=match.flops,
        memory=max(tracker.peak, fixed),
        warnings=tuple(warnings),
    )


def _assembled(spec: RunSpec, task: Task) -> Parts:
    """All parts. Of one that cannot be built, the mistakes have the line of its code, and what helps."""
    try:
        return assemble(spec, task, META)
    except SpecError as error:
        cause = error.__cause__
        where = place(cause) if cause else ""
        if not where:
            raise
        mistakes = [replace(m, message=f"{m.message} ({where})", hint=m.hint or _help(cause)) for m in error.mistakes]
        raise SpecError(mistakes) from cause


def _help(error: BaseException | None) -> str:
    """What to do about an error that comes of the meta device; empty for another one."""
    frames = traceback.extract_tb(error.__traceback__) if error else []
    # Parametrizations of torch's compute with numbers, and leave out without a word what they cannot.
    reparametrizes = bool(frames) and frames[-1].filename.startswith(PARAMETRIZATIONS)
    return NUMBERLESS if reparametrizes or "meta " in str(error).lower() else ""
