"""The kit finds what is wrong, and finds nothing wrong with what is not.

Every check has a broken component that it alone reports; sound components with unusual manners pass all of them. That
the parts of ganreg-classic, ganreg-datasets and the proofs pass is told beside them.
"""

import re
from collections import defaultdict

import pytest
from defects import DEFECTS
from sound import SOUND

from ganreg.testing import Case, Result, cases
from ganreg.testing.check import CHECKS, PLUGIN


def by_component(found: list[Case]) -> dict[tuple[str, str], list[Case]]:
    groups = defaultdict(list)
    for case in found:
        groups[case.kind, case.component].append(case)
    return groups


ALL = {name: by_component(cases(classes)) for name, classes in (("broken", [c for c, _ in DEFECTS]), ("sound", SOUND))}


def failures(found: list[Case]) -> list[Result]:
    return [result for result in (case.result() for case in found) if result.status == "failed"]


@pytest.mark.parametrize(("component", "check"), DEFECTS, ids=[f"{c.kind}-{c.name}" for c, _ in DEFECTS])
def test_a_broken_component_is_caught_by_the_check_meant_for_it_and_no_other(component, check):
    found = failures(ALL["broken"][component.kind, component.name])
    assert [failure.check for failure in found] == [check], found
    (failure,) = found
    assert failure.message
    assert failure.remedy
    assert "\n" not in failure.message + failure.remedy


@pytest.mark.parametrize("component", SOUND, ids=lambda c: f"{c.kind}-{c.name}")
def test_a_sound_component_passes(component):
    found = ALL["sound"][component.kind, component.name]
    assert failures(found) == []
    assert sum(case.result().status == "ok" for case in found) >= len(found) - 7


def test_every_check_has_a_broken_component():
    """Those of a plugin as a whole are broken in test_plugins."""
    tried = {(component.kind, check) for component, check in DEFECTS}
    untried = [c.name for c in CHECKS if c.kinds != (PLUGIN,) and not any((kind, c.name) in tried for kind in c.kinds)]
    assert untried == []


def test_names_of_checks_are_unique_within_a_kind_and_what_they_need_exists():
    names = defaultdict(list)
    for check in CHECKS:
        for kind in check.kinds:
            names[kind].append(check.name)
        assert check.summary.endswith(".")
        assert check.remedy
    assert all(len(of_kind) == len(set(of_kind)) for of_kind in names.values())
    known = {name for of_kind in names.values() for name in of_kind}
    assert {need for check in CHECKS for need in check.needs} <= known


def test_failures_name_the_line_of_the_component_where_an_error_comes_from():
    (result,) = failures(ALL["broken"]["loss", "raises-type-error"])
    assert result.message.startswith("TypeError: square pictures only (parameters.py, line ")


def test_failures_name_the_line_of_what_the_component_builds():
    (result,) = failures(ALL["broken"]["generator", "hard-batch"])
    assert re.search(r"is invalid for input of size 576 \(modules\.py, line \d+\)$", result.message)


@pytest.mark.parametrize(
    ("kind", "name", "help_"),
    [
        ("loss", "misspells", "mend it there, or refuse in check(task)"),
        ("loss", "clips-logits", "compute without in-place operations"),
        ("loss", "per-picture", "reduce to one number"),
        ("loss", "single-target", "take dtypes and devices from the inputs"),
        ("loss", "shared", "keep what it remembers in what build returns"),
        ("schedule", "misspells-player", "did you mean 'discriminator'?"),
        ("optimizer", "asks", "a run calls step() alone"),
        ("optimizer", "ready", "return functools.partial(torch.optim.Adam"),
        ("metric", "verdict", "return {name: number}"),
    ],
)
def test_the_help_is_for_what_has_gone_wrong(kind, name, help_):
    (result,) = failures(ALL["broken"][kind, name])
    assert help_ in result.remedy
