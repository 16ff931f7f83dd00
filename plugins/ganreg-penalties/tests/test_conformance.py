"""Every part keeps the contract of its kind."""

import pytest

from ganreg.testing import cases

EXAMPLES = {
    "penalties/lazy": {"base": "proofs/tiny-adam"},
    "discriminator penalties/spectral": {"base": "proofs/tiny-discriminator"},
    "generator penalties/spectral": {"base": "proofs/tiny-generator"},
}


@pytest.mark.parametrize("case", cases("penalties", examples=EXAMPLES), ids=str)
def test_conformance(case):
    case.run()
