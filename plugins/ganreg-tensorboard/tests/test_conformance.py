"""The observer keeps the contract."""

import pytest

from ganreg.testing import cases


@pytest.mark.parametrize("case", cases("tensorboard"), ids=str)
def test_conformance(case):
    case.run()
