"""Plugins that fail in every way that there is, all installed at once: the others stay usable, and doctor explains."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Environment = Any  # of conftest
Wheel = Callable[..., Path]
Options = tuple[str, ...]


def good(*names: str) -> str:
    """The code of a plugin with losses of these names."""
    classes = "".join(
        f'''
class L{i}(Loss, name="{name}"):
    """The difference of means."""
    def discriminator(self, real, fake):
        return fake.logits.mean() - real.logits.mean()
    def generator(self, real, fake):
        return -fake.logits.mean()
'''
        for i, name in enumerate(names)
    )
    listed = ", ".join(f"L{i}" for i in range(len(names)))
    return f"from ganreg import Loss, hookimpl\n{classes}\n@hookimpl\ndef ganreg_components():\n    return [{listed}]\n"


BROKEN = {
    "lacking": (
        "import a_module_that_nobody_has",
        r"ModuleNotFoundError: No module named 'a_module_that_nobody_has'",
        r"pip install what it needs \(a_module_that_nobody_has\), or tell its author, or `ganreg uninstall lacking`",
    ),
    "incomplete": ("from . import networks_", r"ImportError: cannot import name 'networks_'", "reinstall it"),
    "ungrammatical": ("x = 1\ndef f(:", r"SyntaxError: .*\(.*ganreg_ungrammatical/__init__.py:2\)", "tell its author"),
    "leaving": ("import sys; sys.exit(3)", r"it calls sys.exit\(3\) when it is imported", "tell its author"),
    "failing": ("x = 1\n1 / 0", r"ZeroDivisionError: .*__init__.py:2\)", "tell its author"),
    "demanding": (
        "from ganreg import hookimpl\n@hookimpl\ndef ganreg_components(extra):\n    return []",
        r"its hook takes other arguments than ganreg gives: .*'extra'",
        r"def ganreg_components\(\)",
    ),
    "misspelt": (
        "from ganreg import hookimpl\n@hookimpl\ndef ganreg_component():\n    return []",
        r"it implements a hook 'ganreg_component', which there is not: did it mean 'ganreg_components'\?",
        "tell its author",
    ),
    "unmarked": (
        "def ganreg_components():\n    return []",
        r"it implements no hook ganreg_components, only a function of that name without @hookimpl",
        "@hookimpl",
    ),
    "repeating": (good("same", "same"), r"it offers loss 'same' twice", "tell its author"),
    "halfway": (
        good("half").replace("    return [L0]", "    yield L0\n    raise RuntimeError('no more')"),
        r"RuntimeError: no more \(.*__init__.py:\d+\)",
        "tell its author",
    ),
    "modern": (
        "from ganreg import Sampler\n" + good("modern"),
        r"it uses what ganreg \S+ does not have: cannot import name 'Sampler' from 'ganreg'",
        "pip install --upgrade ganreg",
    ),
    "hanging": ("import time\ntime.sleep(3600)", r"its import does not end within 10 s", "tell its author"),
    "crashing": ("import os; os._exit(5)", r"its import ends Python, with exit code 5", "ganreg uninstall crashing"),
    "aborting": ("import os; os.abort()", r"its import ends Python, with signal 6", "tell its author"),
}
"""By namespace: the code, and patterns of the cause and the remedy."""
ODD = {
    "printing": ("print('hello')\n" + good("printed"), "prints at import"),
    "heavy": ("import torch\n" + good("weighty"), "imports torch at import: import it inside build"),
}
"""Plugins that can be used: the code, and the warning."""
FUTURE = r"it needs ganreg>=2, and this is ganreg \S+", r"pip install 'ganreg>=2', or tell its author"
CLAIMED = "two distributions claim the namespace 'claimed': ganreg-first 0.1 and ganreg-second 0.2", "ganreg-second"


@pytest.fixture(scope="session")
def installed(make: Callable[[], Environment], wheel: Wheel) -> Environment:
    made = make()
    made.install(
        wheel("sound", good("mine")),
        wheel("future", good("later"), requires=["ganreg>=2"]),
        wheel("claimed", good("a"), distribution="ganreg-first"),
        wheel("claimed", good("b"), distribution="ganreg-second", version="0.2"),
        *(wheel(name, code) for name, (code, *_) in {**BROKEN, **ODD}.items()),
    )
    return made


@pytest.fixture(scope="session")
def doctor(installed: Environment) -> Any:
    """What the doctor finds: it comes first, and its cache serves the others."""
    done = installed.ganreg("doctor", "--json")
    assert done.returncode == 4, done.stderr
    assert done.stderr == ""
    return {plugin["namespace"]: plugin for plugin in json.loads(done.stdout)["plugins"]}


@pytest.mark.parametrize("namespace", BROKEN)
def test_doctor_tells_cause_and_remedy(doctor: Any, namespace: str) -> None:
    _, cause, remedy = BROKEN[namespace]
    found = doctor[namespace]
    assert (found["distribution"], found["version"], found["status"]) == (f"ganreg-{namespace}", "0.1", "problem")
    assert re.search(cause, found["cause"]), found["cause"]
    assert re.search(remedy, found["remedy"]), found["remedy"]
    assert found["components"] == {}


def test_doctor_tells_who_needs_another_ganreg(doctor: Any) -> None:
    assert re.fullmatch(FUTURE[0], doctor["future"]["cause"])
    assert re.match(FUTURE[1], doctor["future"]["remedy"])


def test_doctor_names_both_who_claim_a_namespace(doctor: Any) -> None:
    found = doctor["claimed"]
    assert (found["distribution"], found["version"]) == ("ganreg-first and ganreg-second", "0.1 and 0.2")
    assert found["cause"] == CLAIMED[0]
    assert found["remedy"] == "`ganreg uninstall ganreg-first` or `ganreg uninstall ganreg-second`"


@pytest.mark.parametrize("namespace", ODD)
def test_doctor_warns_of_what_can_be_used(doctor: Any, namespace: str) -> None:
    found = doctor[namespace]
    assert (found["status"], found["warnings"], found["components"]) == ("warning", [ODD[namespace][1]], {"loss": 1})


def test_nobody_else_is_found_ill(doctor: Any) -> None:
    healthy = {name for name, found in doctor.items() if found["status"] == "ok"}
    assert {"sound", "proofs"} <= healthy
    assert doctor.keys() - healthy == {*BROKEN, *ODD, "future", "claimed"}


@pytest.mark.usefixtures("doctor")
def test_list_shows_the_others(installed: Environment) -> None:
    done = installed.ganreg("list", "loss")
    assert done.returncode == 0
    names = {line.split()[0] for line in done.stdout.splitlines()[1:]}
    assert {"mine", "printed", "weighty", "tiny-hinge"} <= names
    assert not {"same", "half", "later", "modern", "a", "b"} & names
    told = set(re.findall("plugin '(.*)' cannot be used: `ganreg doctor` tells why", done.stderr))
    assert told == {*BROKEN, "future", "claimed"}


@pytest.mark.usefixtures("doctor")
def test_a_plugin_has_one_line(installed: Environment) -> None:
    lines = installed.ganreg("plugins").stdout.splitlines()
    assert len(lines) == len({line.split()[0] for line in lines})
    (line,) = [line for line in lines if line.startswith("hanging ")]
    cause, remedy = "its import does not end within 10 s", "tell its author, or `ganreg uninstall hanging`"
    assert line.split(maxsplit=3)[1:] == ["ganreg-hanging", "0.1", f"problem: {cause}; help: {remedy}"]


@pytest.mark.usefixtures("doctor")
def test_a_composition_of_the_others_is_checked_by_bare_names(installed: Environment, tiny: Options) -> None:
    done = installed.ganreg("check", *tiny, "--loss", "printed", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ok"] is True


@pytest.mark.usefixtures("doctor")
def test_a_composition_of_the_others_trains(installed: Environment, tiny: Options) -> None:
    done = installed.ganreg("run", *tiny, "--loss", "mine", "--out", "here", "--json")
    assert done.returncode == 0, done.stderr
    locked = json.loads((installed.folder / "work" / "here" / "lock.json").read_text())
    assert locked["components"]["loss"]["id"] == "sound/mine"


@pytest.mark.usefixtures("doctor")
@pytest.mark.parametrize("namespace", ["leaving", "future", "claimed"])
def test_who_names_a_broken_plugin_is_told_the_same(
    installed: Environment, tiny: Options, doctor: Any, namespace: str
) -> None:
    done = installed.ganreg("check", *tiny, "--loss", f"{namespace}/a")
    assert (done.returncode, done.stdout) == (4, "")
    assert f"plugin '{namespace}' (" in done.stderr
    assert doctor[namespace]["cause"] in done.stderr
    assert f"help: {doctor[namespace]['remedy']}" in done.stderr
