"""The kit finds what is wrong, and finds nothing wrong with what is not.

Every check has a broken component that it alone reports; sound components with unusual manners pass all of them. That
the parts of ganreg-classic, ganreg-datasets and the proofs pass is told beside them.
"""

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
