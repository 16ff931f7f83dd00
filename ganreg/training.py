"""Training a run: what is looked at before it, where it begins, and what is left when it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ganreg import processes
from ganreg.assembly import building
from ganreg.check import dry_run
from ganreg.components import EVENTS, Component
from ganreg.engine.building import built_alike, checkpoints_of
from ganreg.engine.folder import RunFolder
from ganreg.engine.inherit import given_to, inherit
from ganreg.engine.joining import joined
from ganreg.engine.loop import Stop, Training
from ganreg.engine.memory import give_back
from ganreg.errors import GanregError, Interrupted, PluginError, UsageError
from ganreg.registry.comparison import differences, refusal
from ganreg.registry.lock import Lock, read_lock
from ganreg.rng import untouched
from ganreg.spec.compatibility import info_of, task_of
from ganreg.spec.writing import plain, to_yaml

if TYPE_CHECKING:
    from ganreg.api import Run

Say = Callable[[str], None]


def train(
    run: Run,
    claimed: Callable[[], AbstractContextManager[RunFolder]],
    *,
    overwrite: bool,
    resume: bool,
    observers: Sequence[Any],
    tick: Callable[[int], None],
    stop: Stop | None,
    say: Say,
) -> None:
    """What `Run.train` does. claimed: holds the run's folder, which may get another name by it."""
    spec = run.spec
    with run.document.locating(), joined(spec.train.device) as world, untouched():
        world.check(spec.train)
        # Processes that their launcher has started once more go on with what they had begun.
        resume = world.first and (resume or (processes.restarts() > 0 and _began(run)))
        if resume:
            _compare(run, say)
        if not world.first:
            say = tick = _silent
        # What a run has begun with is in its checkpoints: the other run may be gone.
        # Else it is read before anything is replaced: it may be this folder's own.
        has_begun = not world.first or (resume and checkpoints_of(spec, run.folder).folders())
        given = None if has_begun else given_to(spec, say)
        _look(run, given, say)
        with claimed() if world.first else nullcontext() as folder:
            anew = None if resume else folder
            if anew:
                anew.refuse(overwrite=overwrite)
            training = run.assemble(world, say)
            heard = [*training.observers, *(_listener(observer, training) for observer in observers)]
            lock = _lock(run, training.feed.fingerprint, say, resume=resume)
            if anew:  # what cannot begin replaces nothing
                anew.start(to_yaml(spec, run.registry), lock.model_dump(), processes.launch())
            training = replace(training, observers=heard, tick=tick, say=say, stop=stop or Stop())
            _begin(run, training, resume=resume, given=given)
            del given  # as large as all that is trained
            _play(run, training)


def _silent(_: object) -> None:
    """What all processes but the first have to say."""


def _listener(observer: Any, training: Training) -> Any:
    """Who hears what an observer of a call is to hear. Raises UsageError where it would be nothing."""
    spec, task = training.match.spec, training.match.parts.task
    if isinstance(observer, Component):
        with building(("observers",), f"the {observer.kind} '{observer.name}'"):
            observer = built_alike(observer, task, spec.seed)
    if not any(hasattr(observer, event) for event in EVENTS):
        names = ", ".join(EVENTS)
        raise UsageError(f"the observer {observer!r} would hear nothing of the run: it has no method of {names}")
    return observer


def _look(run: Run, given: Mapping[str, Any] | None, say: Say) -> None:
    """Do the dry run, and say what it warns of."""
    spec = run.spec
    for warning in dry_run(spec, task_of(spec, info_of(spec)), given).warnings:
        say(f"warning: {warning}")
    for penalty in spec.penalties if spec.train.compile else ():
        if penalty.double_backward:
            say(f"the penalty '{penalty.name}' differentiates a gradient: it runs uncompiled")


def _begin(run: Run, training: Training, *, resume: bool, given: Mapping[str, Any] | None) -> None:
    """Bring the training to where it begins, in all processes."""
    if resume:
        training.restore()
    run.training = training  # one that could not go on has nothing to sample from
    training.tell("started", run.folder, plain(run.spec, run.registry))
    if given is not None:
        inherit(training.match, given)
        training.save(wait=True)  # from here on the run has all that it needs, wherever the other one goes
    training.share()


def _play(run: Run, training: Training) -> None:
    """Train to the end; the first process writes the report whatever comes."""
    try:
        try:
            _run(training)
        finally:
            _let_go(training)
    except BaseException as error:
        if training.match.world.first:
            with suppress(GanregError):
                run.report()
        if isinstance(error, Interrupted):
            training.match.world.most(0)  # whoever ends first makes the launcher signal the others once more
        raise
    if training.match.world.first:
        training.patience(run.report)


def _run(training: Training) -> None:
    """Train to the end, and tell the observers when it has come."""
    try:
        training.run()
    except BaseException:
        with suppress(Exception, SystemExit):  # what ended the run is what is told of
            training.tell("finished", training.match.step_index, saving=False)
        raise
    training.tell("finished", training.match.step_index)


def _let_go(training: Training) -> None:
    """Give back what only steps need, before the report needs memory of its own."""
    match = training.match
    for player in map(match.player, match.players):
        player.forget_gradients()
    give_back()


def _began(run: Run) -> bool:
    """Whether the folder holds this run, begun by this launch, and not another one that it must not touch."""
    folder = RunFolder(run.folder)
    written = {folder.launch: processes.launch(), folder.spec: to_yaml(run.spec, run.registry)}
    try:
        same = all(path.read_text(encoding="utf-8") == text for path, text in written.items())
        return same and not differences(read_lock(run.folder), run.lock())
    except (OSError, UnicodeDecodeError, GanregError):
        return False


def _compare(run: Run, say: Say) -> None:
    """Say what has changed since the run was started; it goes on all the same."""
    try:
        found = differences(read_lock(run.folder), run.lock())
    except GanregError as error:
        say(f"warning: cannot tell what has changed since the run was started: {str(error).splitlines()[0]}")
    else:
        for difference in found:
            say(f"warning: {difference}")


def _lock(run: Run, data: str, say: Say, *, resume: bool) -> Lock:
    """The run's lock, once its data are read; says where a resumed run's are others than it began with.

    Raises PluginError where they are not those of the lock that the run is held to.
    """
    here = run.lock().model_copy(update={"data": data})
    if run.held_to is not None:
        name, locked = run.held_to
        if found := differences(locked, here):
            raise PluginError(refusal(name, found))
    with suppress(GanregError):
        for difference in differences(read_lock(run.folder), here) if resume else ():
            if difference.topic == "data":
                say(f"warning: {difference}")
    return here
