"""What is checked of a plugin as a whole: imports and sources."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ganreg.testing import Result, cases

Install = Callable[..., Path]

LOSS = '''
from ganreg import Loss, hookimpl

class Plain(Loss, name="plain"):
    """-D(x) + D(G(z)) (Arjovsky et al., 2017)."""

    def discriminator(self, real, fake):
        return fake.logits.mean() - real.logits.mean()

    def generator(self, real, fake):
        return -fake.logits.mean()

@hookimpl
def ganreg_components():
    return [Plain]
'''


def of_plugin(namespace: str) -> dict[str, Result]:
    results = [case.result() for case in cases(namespace) if case.kind == "plugin"]
    return {result.check: result for result in results if result.status != "ok"}


def test_a_sound_plugin_passes(install: Install) -> None:
    install("plain", LOSS)
    assert [case for case in cases("plain") if case.result().status != "ok"] == []


@pytest.mark.parametrize(
    "code",
    [
        "import torch\n" + LOSS,
        "from torch.nn import Module\n" + LOSS,
        "try:\n    import torch\nexcept ImportError:\n    torch = None\n" + LOSS,
        LOSS.replace("    return [Plain]", "    import torch\n    return [Plain]"),
    ],
    ids=["at the top", "a part of it", "guarded", "in the hook"],
)
def test_torch_at_import(install: Install, code: str) -> None:
    install("heavy", code)
    found = of_plugin("heavy")
    assert found["torch-free-import"].status == "failed"
    line = code[: code.index("torch")].count("\n") + 1
    assert f"imports torch (kit_heavy.py, line {line})" in found["torch-free-import"].message
    assert found["quick-import"].message == "needs 'torch-free-import'"


def test_looking_whether_torch_is_there_imports_nothing(install: Install) -> None:
    install("looks", "from importlib.util import find_spec\nassert find_spec('torch')\n" + LOSS)
    assert of_plugin("looks") == {}


WORK = "import time\nend = time.process_time() + 0.1\nwhile time.process_time() < end:\n    pass\n"


@pytest.mark.parametrize("pause", ["import time\ntime.sleep(0.1)\n", WORK], ids=["sleeping", "working"])
def test_a_slow_import(install: Install, pause: str) -> None:
    install("slow", pause + LOSS)
    (result,) = of_plugin("slow").values()
    assert (result.check, result.status) == ("quick-import", "failed")
    assert result.message.startswith("importing it takes ")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("import pickle", "imports pickle"),
        ("from cloudpickle import loads", "imports cloudpickle"),
        ("from torch import load", "imports torch.load"),
        ("weights = torch.load('weights.pt')", "calls torch.load"),
        ("weights = torch.load('weights.pt', weights_only=True)", "calls torch.load"),
        ("torch.save({}, 'weights.pt')", "calls torch.save"),
        ("model = torch.hub.load('a/b', 'c')", "calls torch.hub.load"),
        ("array = numpy.load('a.npy', allow_pickle=True)", "reads pickles"),
        ("value = eval('1 + 1')", "calls eval"),
        ("exec('x = 1')", "calls exec"),
    ],
)
def test_pickles_and_text_that_is_run(install: Install, line: str, message: str) -> None:
    install("pickled", f"{LOSS}\n\ndef load():\n    {line}\n")
    (result,) = of_plugin("pickled").values()
    assert (result.check, result.status) == ("pickle-free", "failed")
    number = LOSS.count("\n") + 4
    assert result.message.startswith(f"kit_pickled.py, line {number}: {message}")


@pytest.mark.parametrize(
    "line",
    [
        "network.eval()",
        "array = numpy.load('a.npy', allow_pickle=False)",
        "weights = safetensors.torch.load_file('a')",
        "re.compile('x')",
        "'pickle.loads(x)'",
    ],
)
def test_what_only_looks_like_it(install: Install, line: str) -> None:
    install("clean", f"{LOSS}\n\ndef load():\n    {line}\n")
    assert of_plugin("clean") == {}


def test_every_file_of_a_package_is_read(install: Install) -> None:
    folder = install("packed", "")
    (folder / "kit_packed.py").unlink()
    (folder / "kit_packed" / "deep").mkdir(parents=True)
    (folder / "kit_packed" / "__init__.py").write_text(LOSS)
    (folder / "kit_packed" / "deep" / "weights.py").write_text("import pickle\n")
    (result,) = of_plugin("packed").values()
    assert result.message == "weights.py, line 1: imports pickle"


def test_a_plugin_that_ends_the_process_is_a_failure(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("ends", "import os\nif 'GANREG_KIT' in os.environ:\n    os._exit(3)\n" + LOSS)
    found = cases("ends")
    monkeypatch.setenv("GANREG_KIT", "1")
    (result,) = [case.result() for case in found if case.check.name == "torch-free-import"]
    assert result.message == "it cannot be imported in a fresh process: the process ended with code 3"
