"""Every dataset keeps the contract."""

import ganreg_datasets.fashion
import pytest

from ganreg.testing import cases

EXAMPLES = {"datasets/fashion-mnist": {"folder": str(ganreg_datasets.fashion.EMBEDDED), "split": "test"}}


@pytest.mark.parametrize("case", cases("datasets", examples=EXAMPLES), ids=str)
def test_conformance(case):
    case.run()
