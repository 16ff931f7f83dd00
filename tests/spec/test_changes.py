"""Changes between specs: none between equal ones, and all that it takes to make the one of the other."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganreg.spec.changes import ABSENT, Change, changes

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
names = st.sampled_from(["r1", "clip", "hinge"])


def component(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(lambda name, rest: {**rest, "name": name}, names, mapping(values))


def mapping(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(st.sampled_from("abc"), values, max_size=3)


plain = st.recursive(
    scalars,
    lambda v: mapping(v) | component(v) | st.lists(component(v), max_size=4) | st.lists(v, max_size=3),
    max_leaves=12,
)
specs = mapping(plain)


def apply(spec: Any, found: list[Change]) -> Any:
    """A spec with changes made: inner ones first, then values, what goes from the back, what comes from the front."""
    spec = deepcopy(spec)

    def order(change: Change) -> tuple[Any, ...]:
        last = change.path[-1]
        rank = 2 if change.before is ABSENT else 1 if change.after is ABSENT else 0
        return (-len(change.path), rank, (last if rank == 2 else -last) if isinstance(last, int) else 0)

    for change in sorted(found, key=order):
        *parents, last = change.path
        place = spec
        for part in parents:
            place = place[part]
        if change.after is ABSENT:
            assert repr(place.pop(last)) == repr(change.before)
        elif change.before is ABSENT and isinstance(place, list):
            place.insert(last, change.after)
        else:
            assert change.before is ABSENT or repr(place[last]) == repr(change.before)
            place[last] = change.after
    return spec


def normal(value: Any) -> str:
    """As text, in which NaN equals itself and True is not 1; keys have no order."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {normal(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(normal, value)) + "]"
    return repr(value)


@given(specs)
def test_a_spec_does_not_differ_from_itself(spec: dict[str, Any]) -> None:
    assert list(changes(spec, deepcopy(spec))) == []
    assert list(changes(spec, dict(reversed(spec.items())))) == []


@given(specs, specs)
def test_the_changes_make_one_spec_of_the_other(one: dict[str, Any], other: dict[str, Any]) -> None:
    found = list(changes(one, other))
    assert normal(apply(one, found)) == normal(other)
    assert bool(found) == (normal(one) != normal(other))


R1 = {"name": "r1", "weight": 5.0}
CLIP = {"name": "clip", "limit": 0.01}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"train": {"steps": 200}}, {"train": {"steps": 500}}, [Change(("train", "steps"), 200, 500)]),
        ({"loss": R1}, {"loss": CLIP}, [Change(("loss",), R1, CLIP)]),
        ({"loss": R1}, {"loss": {**R1, "weight": 3.0}}, [Change(("loss", "weight"), 5.0, 3.0)]),
        ({"loss": R1}, {"loss": {**R1, "every": 4}}, [Change(("loss", "every"), ABSENT, 4)]),
        ({"augment": None}, {"augment": R1}, [Change(("augment",), None, R1)]),
        ({"widths": [512, 256]}, {"widths": [512]}, [Change(("widths",), [512, 256], [512])]),
        ({"terms": [R1]}, {"terms": [CLIP]}, [Change(("terms", 0), R1, CLIP)]),
        ({"terms": []}, {"terms": [R1, CLIP]}, [Change(("terms", 0), ABSENT, R1), Change(("terms", 1), ABSENT, CLIP)]),
        (
            {"terms": [CLIP, R1]},
            {"terms": [{**R1, "weight": 3.0}]},
            [Change(("terms", 0), CLIP, ABSENT), Change(("terms", 1, "weight"), 5.0, 3.0)],
        ),
        ({"x": True}, {"x": 1}, [Change(("x",), True, 1)]),
        ({"x": [1, {"a": 2, "b": 3}]}, {"x": [1, {"b": 3, "a": 2}]}, []),
    ],
)
def test_a_change_is_as_small_as_a_reader_needs(before: Any, after: Any, expected: list[Change]) -> None:
    assert list(changes(before, after)) == expected
