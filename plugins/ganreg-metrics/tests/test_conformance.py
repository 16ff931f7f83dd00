"""Every part keeps the contract of its kind."""

from importlib.util import find_spec

import pytest

from ganreg.testing import cases


@pytest.mark.parametrize("case", cases("metrics"), ids=str)
def test_conformance(case, request):
    if case.component == "metrics/timm" and find_spec("timm"):
        request.getfixturevalue("timm")  # imports it, beside whatever torch there is
    case.run()
