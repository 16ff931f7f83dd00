"""The proofs keep the contracts, and so the conformance kit and the proofs prove each other."""

import pytest

from ganreg.testing import cases


@pytest.mark.parametrize("case", cases("proofs"), ids=str)
def test_conformance(case):
    case.run()
