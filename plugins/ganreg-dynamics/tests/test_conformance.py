"""Every part keeps the contract of its kind."""

import pytest

from ganreg.testing import cases


@pytest.mark.parametrize("case", cases("dynamics"), ids=str)
def test_conformance(case):
    case.run()
