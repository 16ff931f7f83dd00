"""The conformance kit: every component of a plugin against its kind's contract.

```python
import pytest
from ganreg.testing import cases


@pytest.mark.parametrize("case", cases("tiny"), ids=str)
def test_conformance(case):
    case.run()
```

`ganreg test tiny` does the same without a test file, and `pytest --ganreg tiny` without writing one.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganreg.testing.case import Case, Result, cases
    from ganreg.testing.check import Failure

__all__ = ["Case", "Failure", "Result", "cases"]

_HOMES = {"Failure": "ganreg.testing.check"}


def __getattr__(name: str) -> Any:
    # pytest loads its plugin from this package in every session: what is not used there is not imported.
    if name not in __all__:
        raise AttributeError(f"module 'ganreg.testing' has no attribute '{name}'")
    value = getattr(import_module(_HOMES.get(name, "ganreg.testing.case")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
