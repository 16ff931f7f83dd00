"""Every part keeps the contract of its kind."""

import pytest

from ganreg.testing import cases

EXAMPLES = {
    "schedule dynamics/lookahead-minmax": {"base": "proofs/tiny-alternating"},
    "schedule dynamics/logan": {"base": "proofs/tiny-alternating"},
    "optimizer dynamics/annealed": {"base": "proofs/tiny-adam"},
    "penalty dynamics/annealed": {"base": "proofs/tiny-r1"},
    "discriminator dynamics/freeze-d": {"base": "proofs/tiny-discriminator", "layers": 1},
}
# As `ganreg test dynamics` tries them: with defaults and examples of their own, which name classic's parts.
UNAIDED = [case for case in cases("dynamics") if f"{case.kind} {case.component}" in EXAMPLES]


@pytest.mark.parametrize("case", cases("dynamics", examples=EXAMPLES), ids=str)
def test_conformance(case):
    case.run()


@pytest.mark.needs("ganreg-classic")
@pytest.mark.parametrize("case", UNAIDED, ids=str)
def test_conformance_with_classics_parts(case):
    case.run()
