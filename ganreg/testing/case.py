"""Cases: one check of one component each, and what came of it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ganreg.components import Component
from ganreg.errors import PluginError, SpecError, UsageError
from ganreg.registry import Registry
from ganreg.registry.problems import absent
from ganreg.testing.check import Check, Failure, Skip, of_kind
from ganreg.testing.suite import Subject, Suite, Whole

Status = Literal["ok", "failed", "expected", "skipped"]
Reasons = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Result:
    """What came of one case.

    status: "expected" is a failure that was expected. message: what is wrong, or why it was skipped or expected.
    remedy: how to mend a failure, in one line.
    """

    kind: str
    component: str
    check: str
    status: Status
    message: str = ""
    remedy: str = ""
    seconds: float = 0.0


class Case:
    """One check of one component; `str(case)` is "loss-tiny/hinge-signs"."""

    def __init__(self, subject: Subject | Whole, check: Check, results: dict[str, Result], expected: str) -> None:
        self.kind = subject.kind
        self.component = subject.id
        self.check = check
        self._subject = subject
        self._results = results
        self._expected = expected

    def __str__(self) -> str:
        return f"{self.kind}-{self.component}-{self.check.name}"

    def __repr__(self) -> str:
        return f"<Case {self}>"

    def run(self) -> None:
        """Raise Failure where the component does not keep this promise, or where an expected failure did not come.

        Raises unittest.SkipTest, which pytest takes for a skip, where it cannot be told.
        """
        __tracebackhide__ = True
        result = self.result()
        if result.status == "failed":
            raise Failure(result.message, result.remedy)
        if result.status == "skipped":
            raise Skip(result.message)

    def result(self) -> Result:
        """What came of it. It is tried once, and its component's other cases know of it."""
        return self._strict(_try(self._subject, self.check, self._results))

    def _strict(self, result: Result) -> Result:
        if not self._expected or result.status == "skipped":
            return result
        if result.status == "failed":
            return _result(self._subject, self.check, "expected", self._expected, "", result.seconds)
        message = f"it was expected to fail ({self._expected}), and passes"
        return _result(self._subject, self.check, "failed", message, "take it out of expect_failure", result.seconds)


def cases(
    plugin: str | Iterable[type[Component]],
    *,
    examples: Mapping[str, Mapping[str, Any]] | None = None,
    expect_failure: Reasons | None = None,
    registry: Registry | None = None,
) -> list[Case]:
    """Every check of every component of a plugin, by its namespace; or of component classes.

    examples: parameters that a component is tried with, by its id; else it is tried with its defaults, or with the
    first of `Field(examples=[…])` where a field has some. A required path without either is a folder of pictures.
    expect_failure: the reason why a check fails, by id and name of the check: `{"tiny/odd": {"range": "on purpose"}}`.
    An expected failure that does not come is a failure. An id that stands for several kinds is told apart as
    "generator tiny/odd".

    Raises PluginError where the plugin is missing or broken, UsageError for an id or check that is not there.
    """
    examples, expect_failure = examples or {}, expect_failure or {}
    registry = registry or Registry.discover()
    if isinstance(plugin, str):
        suite = _installed(plugin, registry, examples)
    else:
        classes = list(plugin)
        suite = Suite("", classes, sorted({c.__module__ for c in classes}), registry, examples)
    import ganreg.testing.checks  # noqa: F401 - fills the table; imports torch

    subjects: list[Subject | Whole] = [Whole(suite), *suite.subjects]
    _refuse_unknown(subjects, examples, expect_failure)
    found = []
    for subject in subjects:
        expected = {**expect_failure.get(subject.id, {}), **expect_failure.get(f"{subject.kind} {subject.id}", {})}
        results: dict[str, Result] = {}
        found += [Case(subject, check, results, expected.get(check.name, "")) for check in of_kind(subject.kind)]
    return found


def _installed(namespace: str, registry: Registry, examples: Mapping[str, Mapping[str, Any]]) -> Suite:
    if namespace not in registry.namespaces:
        raise absent(namespace, registry.namespaces, "pip install -e . in its folder; ")
    plugin = registry.plugin(namespace)
    if plugin.problem:
        raise PluginError(
            f"plugin '{namespace}' ({plugin.distribution}) cannot be used: {plugin.problem.cause}\n"
            f"  help: {plugin.problem.remedy}"
        )
    modules = {claim.module for claim in plugin.claims} or {c.__module__ for c in plugin.components}
    return Suite(namespace, plugin.components, sorted(modules), registry, examples)


def _refuse_unknown(subjects: Iterable[Subject | Whole], examples: Mapping[str, Any], expect_failure: Reasons) -> None:
    known = {key: s.kind for s in subjects for key in (s.id, f"{s.kind} {s.id}")}
    for key in (*examples, *expect_failure):
        if key not in known:
            raise UsageError(f"no component here is called '{key}': {', '.join(sorted({s.id for s in subjects}))}")
    for key, reasons in expect_failure.items():
        names = [check.name for s in subjects if key in (s.id, f"{s.kind} {s.id}") for check in of_kind(s.kind)]
        for name, reason in reasons.items():
            if not reason.strip():
                raise UsageError(f"the expected failure of '{name}' of '{key}' needs a reason")
            if name not in names:
                raise UsageError(f"no check of '{key}' is called '{name}': {', '.join(dict.fromkeys(names))}")


def _try(subject: Subject | Whole, check: Check, results: dict[str, Result]) -> Result:
    """The result of a check, after those that it needs."""
    if check.name in results:
        return results[check.name]
    started = time.perf_counter()
    status: Status = "ok"
    message = remedy = ""
    lacking = [n.name for n in of_kind(subject.kind) if n.name in check.needs and not _fine(subject, n, results)]
    if lacking:
        status, message = "skipped", f"needs '{lacking[0]}'"
    else:
        from ganreg.testing.quiet import quiet

        try:
            with quiet():
                check.function(subject)
        except Skip as skip:
            status, message = "skipped", str(skip)
        except Failure as failure:
            status, message, remedy = "failed", failure.message, failure.remedy or check.remedy
        except Exception as error:
            status, message, remedy = "failed", _explain(error, subject), _help(error, check)
    results[check.name] = _result(subject, check, status, message, remedy, time.perf_counter() - started)
    return results[check.name]


def _fine(subject: Subject | Whole, check: Check, results: dict[str, Result]) -> bool:
    return _try(subject, check, results).status == "ok"


def _result(
    subject: Subject | Whole, check: Check, status: Status, message: str, remedy: str, seconds: float
) -> Result:
    return Result(subject.kind, subject.id, check.name, status, message, remedy, round(seconds, 3))


def _explain(error: Exception, subject: Subject | Whole) -> str:
    """An error of the component's, with the line of its own code where it came from, or else of what it calls."""
    from ganreg.engine.blame import place

    text = " ".join(str(error).split())
    message = f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
    if isinstance(error, SpecError):  # ganreg's own words, of a spec that nobody has written
        message = error.mistakes[0].message
    own = set(map(str, subject.suite.sources))
    frames = [f"{f.filename}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__) if f.filename in own]
    file, _, line = (frames[-1] if frames else place(error)).rpartition(":")
    return f"{message} ({Path(file).name}, line {line})" if file else message


def _help(error: Exception, check: Check) -> str:
    """What to do about an error that a check has met."""
    if isinstance(error, SpecError) and error.mistakes[0].hint:
        return error.mistakes[0].hint
    if "in-place operation" in str(error) or "inplace operation" in str(error):
        return "compute without in-place operations: x * 2, not x.mul_(2)"
    return "mend it there, or refuse in check(task) what it cannot serve" if check.first else check.remedy
