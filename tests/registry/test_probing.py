"""Plugins are looked at in another process, whatever they do there."""

import sys
import time
from collections.abc import Callable

import pytest

from ganreg.registry.discovery import installed
from ganreg.registry.plugin import Listing
from ganreg.registry.probing import probe

Install = Callable[..., None]


@pytest.fixture
def examine(install: Install, good: str) -> Callable[[str], Listing]:
    """Look at a plugin of some code, between two good ones."""

    def look(code: str, *, seconds: float = 2, **options: object) -> Listing:
        install("a-good", good, module="good_a")
        install("between", code, **options)
        install("c-good", good, module="good_c")
        first, found, last = probe(installed(("a-good", "between", "c-good")), seconds)
        for other in (first, last):
            assert (other.problem, [entry.name for entry in other.entries]) == (None, ["mine"])
        return found

    return look


@pytest.mark.parametrize(
    "code",
    ["import time\ntime.sleep(3600)", "import re\nre.match('(a+)+$', 'a' * 60 + 'b')", "while True: pass"],
    ids=["sleeping", "in C with the lock held", "busy"],
)
def test_one_that_hangs_is_given_up(code: str, examine: Callable[..., Listing]) -> None:
    problem = examine(code).problem
    assert problem is not None
    assert problem.cause == "its import does not end within 2 s"
    assert problem.remedy == "tell its author, or `ganreg uninstall between`"
    assert "plugin_between.py" in problem.trace


@pytest.mark.parametrize(
    ("code", "how"),
    [("os._exit(0)", "exit code 0"), ("os._exit(7)", "exit code 7"), ("os.kill(os.getpid(), 9)", "signal 9")],
)
def test_one_that_ends_python_is_named(code: str, how: str, examine: Callable[..., Listing]) -> None:
    problem = examine(f"import os\n{code}").problem
    assert problem is not None
    assert problem.cause == f"its import ends Python, with {how}"


@pytest.mark.parametrize("code", ["print('{')", "print('end')"])
def test_what_is_printed_is_a_warning(code: str, examine: Callable[..., Listing], good: str) -> None:
    found = examine(code + good)
    assert (found.problem, found.warnings, len(found.entries)) == (None, ("prints at import",), 1)


def test_what_is_written_past_python_disturbs_nothing(examine: Callable[..., Listing], good: str) -> None:
    assert examine("import os\nos.write(1, b'{}\\nend\\n')\nos.system('echo end')" + good).problem is None


def test_nobody_answers_a_question(examine: Callable[..., Listing]) -> None:
    problem = examine("input('Go on?')").problem
    assert problem is not None
    assert problem.cause.startswith("EOFError")


def test_a_thread_that_is_left_running_keeps_nobody_waiting(examine: Callable[..., Listing], good: str) -> None:
    started = time.monotonic()
    code = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()"
    assert examine(code + good).problem is None
    assert time.monotonic() - started < 30


def test_torch_is_told_of_everyone_who_imports_it(examine: Callable[..., Listing], install: Install, good: str) -> None:
    install("also", "import torch" + good, module="also")
    assert examine("import torch" + good, seconds=60).warnings == ("imports torch at import: import it inside build",)
    (also,) = probe(installed(("also",)), seconds=60)
    assert also.warnings == ("imports torch at import: import it inside build",)


@pytest.mark.parametrize(
    "requires",
    [
        "ganreg<2,>=1",
        "ganreg (>=1)",
        'ganreg>=2; python_version < "3"',
        'ganreg>=2; extra == "all"',
        "ganreg-tools>=9",
        "ganreg @@ nonsense",
    ],
)
def test_a_plugin_that_this_ganreg_serves(requires: str, examine: Callable[..., Listing], good: str) -> None:
    assert examine(good, requires=["torch>=2", requires]).problem is None


@pytest.mark.parametrize(("requires", "shown"), [("ganreg>=2", ">=2"), ("Ganreg (<1)", "<1"), ("ganreg==0.1", "==0.1")])
def test_a_plugin_that_needs_another_ganreg_is_not_imported(
    requires: str, shown: str, examine: Callable[..., Listing]
) -> None:
    problem = examine("import os; os._exit(1)", requires=["numpy", requires]).problem
    assert problem is not None
    assert problem.cause.startswith(f"it needs ganreg{shown}, and this is ganreg ")
    assert problem.remedy.startswith(f"pip install 'ganreg{shown}', or ")


def test_where_no_python_can_be_started_it_is_done_here(
    examine: Callable[..., Listing], monkeypatch: pytest.MonkeyPatch, good: str
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/python/here")
    assert examine(good).problem is None
    assert "plugin_between" in sys.modules
