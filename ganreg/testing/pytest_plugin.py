"""`pytest --ganreg NAMESPACE` collects the conformance kit's cases of a plugin, without a test file.

pytest imports this module in every session: what is not needed there is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ganreg.testing.case import Case


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option --ganreg."""
    parser.getgroup("ganreg").addoption(
        "--ganreg",
        action="append",
        default=[],
        metavar="NAMESPACE",
        help="check the components of this plugin against the contracts of ganreg; may be repeated",
    )


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the cases after the tests that were collected otherwise."""
    for namespace in config.getoption("--ganreg"):
        collector: Plugin = Plugin.from_parent(session, name=namespace, nodeid=f"ganreg-{namespace}")
        items.extend(collector.collect())


class Plugin(pytest.Collector):
    """A plugin of ganreg; its children are the cases."""

    def collect(self) -> Iterator[pytest.Item]:
        """One item per case."""
        from ganreg.errors import GanregError
        from ganreg.testing import cases

        try:
            found = cases(self.name)
        except GanregError as error:
            raise pytest.UsageError(f"--ganreg {self.name}: {error}") from None
        for case in found:
            yield CaseItem.from_parent(self, name=str(case), case=case)


class CaseItem(pytest.Item):
    """One check of one component."""

    def __init__(self, *, case: Case, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.case = case

    def runtest(self) -> None:
        """Run the case."""
        self.case.run()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """What is wrong and how to mend it; there is no test of the author's to show."""
        return str(excinfo.value)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Its place, and its name in headings."""
        return self.path, None, self.name
