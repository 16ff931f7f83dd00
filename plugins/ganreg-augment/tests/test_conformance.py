"""Every part keeps the contract of its kind."""

import pytest

from ganreg.testing import cases

EXAMPLES = {"augment/apa": {"base": "proofs/tiny-standard"}}


@pytest.mark.parametrize("case", cases("augment", examples=EXAMPLES), ids=str)
def test_conformance(case):
    case.run()
