"""State goes through JSON and tensors and comes back as it was."""

import json
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganreg.engine.state import join, same, split
from ganreg.errors import CheckpointError

tensors = st.builds(
    lambda shape, dtype, seed: torch.randint(-5, 5, shape, generator=torch.Generator().manual_seed(seed)).to(dtype),
    st.lists(st.integers(0, 3), max_size=3).map(tuple),
    st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.uint8, torch.bool]),
    st.integers(0, 1000),
)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | tensors
keys = st.text() | st.integers()
states = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=10,
)


@given(states)
def test_what_is_split_joins_to_the_same(state: Any) -> None:
    found: dict[str, torch.Tensor] = {}
    skeleton = json.loads(json.dumps(split({"state": state}, found)))
    assert same(join(skeleton, found), {"state": state})


def test_sameness_is_bit_for_bit() -> None:
    assert same({"a": torch.tensor(math.nan)}, {"a": torch.tensor(math.nan)})
    assert not same({"a": torch.tensor(0.0)}, {"a": torch.tensor(-0.0)})
    assert not same({"a": torch.tensor(1)}, {"a": torch.tensor(1.0)})
    assert not same((1, 2), [1, 2])


def test_what_cannot_be_saved_is_named_with_its_place() -> None:
    with pytest.raises(CheckpointError, match=r"'parts/loss/0' holds a set"):
        split({"parts": {"loss": [{1}]}}, {})


@pytest.mark.parametrize("keys", [{1: 0, "1": 1}, {"a/b": 0, "a": {"b": 1}}], ids=str)
def test_tensors_that_would_have_one_name_are_refused(keys: dict) -> None:
    def tensors(value: Any) -> Any:
        return {k: tensors(v) for k, v in value.items()} if isinstance(value, dict) else torch.tensor(value)

    with pytest.raises(CheckpointError, match="two tensors that would be called"):
        split(tensors(keys), {})
