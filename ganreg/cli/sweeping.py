"""A sweep from the command line: its cells checked, run with progress and signals, and summed up."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from ganreg.api import Run
from ganreg.claims import taken
from ganreg.cli.app import App
from ganreg.cli.composition import validated
from ganreg.cli.progress import drawable
from ganreg.engine.disk import replace
from ganreg.errors import GanregError, Mistake, RunFolderError, SpecError, UsageError, brief, printable
from ganreg.spec.changes import changes
from ganreg.spec.document import Document, read
from ganreg.spec.writing import as_yaml, plain
from ganreg.sweep.grid import FLAG, Axis, Cell
from ganreg.sweep.processes import Executor, Job, Outcome
from ganreg.sweep.state import Record, State

BEAT = 0.2
"""Seconds between two looks at the cells."""
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""A terminal that closes stops the cells too, which would not hear of it."""


class Sweep:
    """The cells of a sweep and what is done with them. signal_number: what it was stopped by.

    document: what SPEC and the options compose; spec: SPEC.
    """

    def __init__(self, app: App, document: Document, spec: str | None, axes: Sequence[Axis], folder: Path) -> None:
        self.signal_number: int | None = None
        self._app = app
        self._document = document
        self._spec = spec
        self._axes = axes
        self._folder = folder
        self.state: State

    def prepare(self) -> None:
        """Check every cell, and find what there is of them. Raises SpecError where none can run, or RunFolderError."""
        self.state = State(self._folder, self._axes)
        found: dict[str, Run | GanregError] = {cell.name: self._checked(cell) for cell in self.state.cells}
        errors = [run for run in found.values() if isinstance(run, GanregError)]
        if len(errors) == len(found):
            raise errors[0]
        for cell in self.state.cells:
            run, record = found[cell.name], self.state.records[cell.name]
            record.command = self._app.again(*self._arguments(cell, record))
            if isinstance(run, GanregError):
                _fail(record, run.exit_code, str(run))
                continue
            missing = _missing(Path(record.folder), run)
            if missing[:1] == ["log.jsonl"]:  # to `resume` it is complete, and a log does not come back
                lost = f"the log.jsonl of {record.folder} is gone: remove the folder, and the sweep trains it anew"
                _fail(record, RunFolderError.exit_code, lost)
            elif missing and record.status == "complete":
                record.status = "pending"
        replace(self._composed, as_yaml(self._document.data).encode())  # an earlier one's stays where this is refused
        self.state.save()

    def _checked(self, cell: Cell) -> Run | GanregError:
        try:
            document = self._document.override(cell.options, FLAG)
            if _place(document) != _place(self._document):
                raise SpecError([Mistake("each cell has a folder of its own already", ("output", "folder"))])
            return validated(self._app.registry, document, self._spec)
        except GanregError as error:
            return error

    @property
    def _composed(self) -> Path:
        """What all cells have in common, as it was when they were checked: the user's file may change meanwhile."""
        return self._folder / "composed.yaml"

    def _arguments(self, cell: Cell, record: Record) -> list[str]:
        """The command line of a cell: one that has begun goes on."""
        if (Path(record.folder) / "spec.yaml").exists():
            return ["resume", record.folder]
        settings = [word for setting in cell.options for word in ("--set", setting)]
        return ["run", str(self._composed), *settings, "--out", record.folder]

    def jobs(self) -> list[Cell]:
        """The cells that are to run."""
        return [cell for cell in self.state.cells if self.state.records[cell.name].status == "pending"]

    def run(self, executor: Executor, *, threads: int | None) -> None:
        """Run them. threads: by how many the processor's are divided, where this machine runs them."""
        stop = self._folder / ".stop"
        stop.unlink(missing_ok=True)  # which an earlier sweep was stopped by
        jobs, environment = self.jobs(), _environment(threads)
        self._announce(len(jobs))
        with self._signals(executor), _shown(len(self.state.cells), len(self.state.cells) - len(jobs)) as shown:
            try:
                futures: dict[Future[Outcome | None], Record] = {}
                for cell in jobs:
                    record = self.state.records[cell.name]
                    words = self._app.words(*self._arguments(cell, record))
                    job = Job(cell.name, words, self._folder / "logs" / f"{cell.name}.txt", stop, environment)
                    futures[executor.submit(job)] = record
                self._follow(executor, futures, shown)
            except BaseException:
                executor.stop()
                raise
            finally:
                executor.close()

    def _announce(self, jobs: int) -> None:
        wrong = sum(record.status == "failed" for record in self.state.records.values())
        complete = len(self.state.cells) - jobs - wrong
        counts = {f"{jobs} to train": True, f"{complete} complete": complete, f"{wrong} with a mistake": wrong}
        told = ", ".join(words for words, count in counts.items() if count)
        click.echo(f"{len(self.state.cells)} cells in {self._folder}: {told}", err=True)

    def _follow(self, executor: Executor, futures: Mapping[Future[Outcome | None], Record], shown: Lines | Bar) -> None:
        """Take down and show what becomes of the cells, until all have ended."""
        pending = set(futures)
        while pending:
            ended, pending = wait(pending, BEAT, FIRST_COMPLETED)
            for future in ended:
                self._end(futures[future], _outcome(future))
                if futures[future].status != "pending":
                    shown.ended(futures[future])
            shown.running(executor.running())

    def _end(self, record: Record, outcome: Outcome | GanregError | None) -> None:
        """Take down what became of a cell."""
        stopped = self.signal_number is not None
        if isinstance(outcome, Outcome):
            record.seconds = outcome.seconds
        if outcome is None:
            record.status = "pending"
        elif isinstance(outcome, GanregError):
            _fail(record, 1, str(outcome))
        elif outcome.exit_code == 0:
            record.status, record.exit_code, record.error = "complete", 0, ""
        elif stopped and outcome.exit_code in (130, 143, -signal.SIGTERM, -signal.SIGKILL):
            record.status, record.exit_code = "stopped", outcome.exit_code
        elif outcome.exit_code == RunFolderError.exit_code and outcome.error == printable(taken(record.folder)):
            record.error = outcome.error  # it may well be a healthy one, of a sweep that was killed
        else:
            _fail(record, outcome.exit_code, outcome.error)
        cell = next(cell for cell in self.state.cells if cell.name == record.name)
        record.command = self._app.again(*self._arguments(cell, record))
        self.state.save()

    @contextmanager
    def _signals(self, executor: Executor) -> Iterator[None]:
        """The first Ctrl-C, or another end, asks the cells to save and stop, the second ends them at once."""

        def heard(number: int, frame: object) -> None:
            again, self.signal_number = self.signal_number is not None, number
            executor.stop(now=again)
            if not again:
                os.write(2, b"\nstopping the cells, which save; once more ends them at once\n")

        nohup = {number for number in SIGNALS[2:] if signal.getsignal(number) == signal.SIG_IGN}
        previous = {number: signal.signal(number, heard) for number in SIGNALS if number not in nohup}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def _place(document: Document) -> Any:
    """Where a run is to write, as far as its document says."""
    output = document.data.get("output")
    return output.get("folder") if isinstance(output, dict) else None


def _fail(record: Record, code: int, error: str) -> None:
    record.status, record.exit_code, record.error = "failed", code, error


def _outcome(future: Future[Outcome | None]) -> Outcome | GanregError | None:
    """What a future gives; a task that its machine lost is an error."""
    try:
        return future.result()
    except Exception as error:
        return GanregError(f"{type(error).__name__}: {brief(error)}")


def _environment(jobs: int | None) -> dict[str, str]:
    """What cells find beside the surroundings: each its share of the processor, unless that is set."""
    found = {"NO_COLOR": "1"} | {name: value for name, value in os.environ.items() if name.startswith("GANREG_")}
    if jobs is not None and jobs > 1 and "OMP_NUM_THREADS" not in os.environ:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        found["OMP_NUM_THREADS"] = str(max(1, cores // jobs))
    return found


def _missing(folder: Path, run: Run) -> list[str]:
    """The files that a folder lacks of a complete run. Raises RunFolderError where it holds one of another spec."""
    try:
        before = read(folder / "spec.yaml").data
    except SpecError:  # there is none, or a damaged one, which is for `resume` to tell
        return ["spec.yaml"]
    found = [change for change in changes(before, plain(run.spec, run.registry)) if change.path != ("output", "folder")]
    if found:
        path = printable(".".join(map(str, found[0].path)))
        raise RunFolderError(
            f"{folder} holds a run of another spec: {path} has changed; give another --out, or remove the folder"
        )
    files = (f"checkpoints/{run.spec.train.steps:08d}/manifest.json", "log.jsonl", "report.html")
    return [file for file in files if not (folder / file).is_file()]


class Lines:
    """Progress as a line for every cell that begins or ends."""

    def __init__(self, total: int, done: int) -> None:
        self._total = total
        self._done = done
        self._seen: set[str] = set()

    def running(self, names: Sequence[str]) -> None:
        """These are under way."""
        for name in names:
            if name not in self._seen:
                self._seen.add(name)
                click.echo(f"{name}: begins", err=True)

    def ended(self, record: Record) -> None:
        """One has ended."""
        self._done += 1
        click.echo(
            f"{record.name}: {record.status} after {record.seconds:.0f} s  ({self._done}/{self._total})", err=True
        )


class Bar:
    """Progress as a bar with the cells that are under way."""

    def __init__(self, total: int, done: int, display: Any) -> None:
        self._display = display
        self._task = display.add_task("", total=total, completed=done)

    def running(self, names: Sequence[str]) -> None:
        """These are under way."""
        self._display.update(self._task, description="  ".join(names[:4]), refresh=True)

    def ended(self, record: Record) -> None:
        """One has ended."""
        self._display.console.print(
            f"{record.name}: {record.status} after {record.seconds:.0f} s", markup=False, highlight=False
        )
        self._display.advance(self._task)


@contextmanager
def _shown(total: int, done: int) -> Iterator[Lines | Bar]:
    """A bar where stderr is a terminal that can draw one."""
    if not drawable():
        yield Lines(total, done)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(bar_width=24), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as display:
        yield Bar(total, done, display)


def conclude(state: State, *, as_json: bool) -> dict[str, Any]:
    """Compare the complete cells, print what became of all, and return it as JSON has it."""
    from ganreg.cli.comparing import lines
    from ganreg.report import compare, write_comparison

    records = list(state.records.values())
    page, told = None, list[str]()
    with suppress(UsageError):
        comparison = compare([Path(record.folder) for record in records if record.status == "complete"])
        page = write_comparison(comparison, state.folder / "compare.html")
        told = [*lines(comparison), f"page: {page}"]
    if not as_json:
        width = max(len(record.name) for record in records)
        click.echo("\n".join([*(f"{r.name:<{width}}  {r.status}" for r in records), "", *told]).rstrip())
    for record in records:
        if record.status == "failed":
            click.echo(f"failed: {record.name}, exit code {record.exit_code}:", err=True)
            click.echo("\n".join(f"  {line}" for line in record.error.splitlines()), err=True)
            click.echo(f"  help: `{record.command}` runs it alone", err=True)
        elif record.status == "pending" and record.error:
            click.echo(f"note: {record.error}; once that has ended, the same command goes on with it", err=True)
    if state.others:
        click.echo(
            f"note: {len(state.others)} cells of an earlier sweep in {state.folder} are none of this one", err=True
        )
    return {**state.plain(), "page": None if page is None else str(page)}
