"""Play one step without memory or time, and say what a user wants to know before the real one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ganreg.assembly import assemble
from ganreg.check.probe import META, NetworkSummary, Probe
from ganreg.check.tracking import Tracker
from ganreg.engine.blame import culprit, sentence
from ganreg.engine.feed import MetaFeed
from ganreg.engine.inherit import heritage
from ganreg.errors import GanregError, Mistake, PluginError, SpecError
from ganreg.rng import untouched
from ganreg.spec.runspec import RunSpec
from ganreg.task import Task


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
    with untouched(), tracker:
        parts = assemble(spec, task, META)
        fixed = sum(t.nbytes for n in parts.networks.values() for t in (*n.parameters(), *n.buffers()))
        match = Probe(spec, parts, MetaFeed(task, spec.train.batch_size), tracker)
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
            mistake = match.misfit() or Mistake(f"{who} fails in the dry run: {sentence(error)}", path)
            raise SpecError([mistake]) from error
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
