"""The lock: what it says of a run's parts, what it refuses, and what of a file that is none."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

import ganreg
from ganreg.api import Run
from ganreg.errors import PluginError, SpecError, UsageError
from ganreg.registry import Registry
from ganreg.registry.comparison import differences
from ganreg.registry.lock import Lock, lock, read_lock
from ganreg.registry.source import source_hash

Install = Callable[..., None]
Make = Callable[..., Registry]

LOSSES = """
from ganreg import Loss, hookimpl

class Plain(Loss, name="plain"):
    def discriminator(self, real, fake):
        return (1 - real.logits).relu().mean() + (1 + fake.logits).relu().mean()
    def generator(self, real, fake):
        return -fake.logits.mean()

class Scaled(Loss, name="scaled"):
    base: Loss
    by: float = 2.0
    def discriminator(self, real, fake):
        return self.by * self.base.discriminator(real, fake)
    def generator(self, real, fake):
        return self.by * self.base.generator(real, fake)

@hookimpl
def ganreg_components():
    return [Plain, Scaled]
"""

PICTURES = """
from ganreg import Batch, Dataset, hookimpl
from ganreg.task import DatasetInfo

class Grey(Dataset, name="grey"):
    def info(self):
        return DatasetInfo(image=(1, 8, 8), count=8)
    def build(self, task):
        import torch
        return Batch(torch.full((8, 1, 8, 8), 128, dtype=torch.uint8))

@hookimpl
def ganreg_components():
    return [Grey]
"""

SPEC: dict[str, Any] = {
    "data": "pictures/grey",
    "generator": "proofs/tiny-generator",
    "discriminator": "proofs/tiny-discriminator",
    "loss": {"name": "losses/scaled", "base": {"name": "losses/scaled", "base": "proofs/tiny-hinge"}},
    "game": "proofs/tiny-standard",
    "schedule": "proofs/tiny-alternating",
    "optimizers": {"generator": "proofs/tiny-adam", "discriminator": "proofs/tiny-sgd"},
    "train": {"steps": 1, "batch_size": 4, "device": "cpu"},
}


@pytest.fixture
def composed(install: Install, registry: Make) -> Callable[..., Run]:
    """A run with a loss inside a loss inside a loss, of three plugins."""
    install("losses", LOSSES)
    install("pictures", PICTURES)

    def make(**changes: Any) -> Run:
        return ganreg.compose(registry=registry("losses", "pictures", "proofs"), **{**SPEC, **changes})

    return make


@pytest.fixture
def saved(composed: Callable[..., Run], tmp_path: Path) -> Callable[..., Path]:
    """The file of a lock, with changes by their path in it."""

    def save(**changes: Any) -> Path:
        content = composed().lock().model_dump()
        for path, value in changes.items():
            *parents, last = path.split("__")
            place = content
            for part in parents:
                place = place[part.replace("_", ".")]
            place[last] = value
        path = tmp_path / "lock.json"
        path.write_text(json.dumps(content))
        return path

    return save


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def refused(run: Run, path: Path) -> list[str]:
    with pytest.raises(PluginError) as caught:
        run.locked(path)
    title, *lines = str(caught.value).splitlines()
    assert title == f"this is not what {path} locks:"
    return [" ".join(line.split()) for line in lines]


def test_every_component_has_its_origin_and_those_inside_others_too(composed: Callable[..., Run]) -> None:
    parts = composed().lock().components
    assert {path: (part.id, part.distribution, part.version) for path, part in parts.items()} == {
        "data": ("pictures/grey", "ganreg-pictures", "1.0"),
        "discriminator": ("proofs/tiny-discriminator", "ganreg-proofs", "1.0.0"),
        "game": ("proofs/tiny-standard", "ganreg-proofs", "1.0.0"),
        "generator": ("proofs/tiny-generator", "ganreg-proofs", "1.0.0"),
        "loss": ("losses/scaled", "ganreg-losses", "1.0"),
        "loss.base": ("losses/scaled", "ganreg-losses", "1.0"),
        "loss.base.base": ("proofs/tiny-hinge", "ganreg-proofs", "1.0.0"),
        "optimizers.discriminator": ("proofs/tiny-sgd", "ganreg-proofs", "1.0.0"),
        "optimizers.generator": ("proofs/tiny-adam", "ganreg-proofs", "1.0.0"),
        "schedule": ("proofs/tiny-alternating", "ganreg-proofs", "1.0.0"),
    }
    assert list(parts) == sorted(parts)
    hashes = {
        part.distribution: {p.source for p in parts.values() if p.distribution == part.distribution}
        for part in parts.values()
    }
    assert [len(found) for found in hashes.values()] == [1, 1, 1]
    assert len(set.union(*hashes.values())) == 3


def test_a_run_writes_the_lock_that_it_says(composed: Callable[..., Run], tmp_path: Path) -> None:
    run = composed(output={"folder": tmp_path / "run"}).train()
    text = (tmp_path / "run" / "lock.json").read_text()
    assert run.training is not None
    lock = run.lock().model_copy(update={"data": run.training.feed.fingerprint})
    assert text == json.dumps(lock.model_dump(), indent=2) + "\n"
    assert list(json.loads(text)) == ["format", "ganreg", "torch", "python", "platform", "data", "components"]
    assert read_lock(tmp_path / "run") == lock
    assert run.locked() is run


def test_a_lock_costs_milliseconds_and_no_torch(composition: dict[str, Any]) -> None:
    code = f"""
import sys, time, ganreg
run = ganreg.compose(**{composition})
seconds = []
for _ in range(10):
    start = time.perf_counter()
    run.lock()
    seconds.append(time.perf_counter() - start)
assert min(seconds) < 0.1, seconds
assert "torch" not in sys.modules, "torch was imported"
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_is_as_it_was_locked_is_let_through(composed: Callable[..., Run], saved: Callable[..., Path]) -> None:
    assert composed().locked(saved()).spec == composed().spec
    assert composed(seed=7, train={"steps": 9, "batch_size": 4}).locked(saved())


def test_an_edited_source_is_refused(composed: Callable[..., Run], saved: Callable[..., Path], tmp_path: Path) -> None:
    path, before = saved(), source_hash("plugin_losses")
    edit(tmp_path / "plugin_losses.py", "2.0", "3.0")
    after = source_hash("plugin_losses")
    assert before is not None
    assert after is not None
    assert refused(composed(), path) == [
        f"source of ganreg-losses locked {before[:12]} here {after[:12]} loss, loss.base",
        "help: pip install --force-reinstall --no-deps ganreg-losses==1.0, or bring back the source that "
        "ganreg-losses had",
    ]
    edit(tmp_path / "plugin_losses.py", "3.0", "2.0")
    composed().locked(path)


def test_another_version_is_refused_and_its_source_is_not_told_twice(
    composed: Callable[..., Run], saved: Callable[..., Path], tmp_path: Path
) -> None:
    path = saved()
    edit(tmp_path / "plugin_losses.py", "2.0", "3.0")
    info = (tmp_path / "ganreg_losses-1.0.dist-info").rename(tmp_path / "ganreg_losses-1.1.dist-info")
    edit(info / "METADATA", "Version: 1.0", "Version: 1.1")
    assert refused(composed(), path) == [
        "ganreg-losses locked 1.0 here 1.1 loss, loss.base",
        "help: pip install ganreg-losses==1.0",
    ]


def test_another_distribution_of_the_same_name_is_refused(
    composed: Callable[..., Run], saved: Callable[..., Path], tmp_path: Path
) -> None:
    path = saved()
    edit(tmp_path / "ganreg_losses-1.0.dist-info" / "METADATA", "ganreg-losses", "ganreg-forked")
    assert refused(composed(), path) == [
        "losses/scaled locked ganreg-losses 1.0 here ganreg-forked 1.0 loss, loss.base",
        "help: pip install ganreg-losses==1.0",
    ]


@pytest.mark.parametrize(
    ("name", "then", "remedy"),
    [
        ("ganreg", "0.9", "pip install ganreg==0.9"),
        ("torch", "2.0.1", "pip install torch==2.0.1"),
        ("python", "3.9.0", "use Python 3.9.0"),
        ("platform", "amiga-68k", "use a machine of the platform amiga-68k"),
    ],
)
def test_what_is_below_the_parts_is_locked_too(
    name: str, then: str, remedy: str, composed: Callable[..., Run], saved: Callable[..., Path]
) -> None:
    here = getattr(composed().lock(), name)
    lines = refused(composed(), saved(**{name: then}))
    assert lines == [f"{name} locked {then} here {here}", f"help: {remedy}"]


def test_a_torch_that_was_not_there_has_no_remedy(composed: Callable[..., Run], saved: Callable[..., Path]) -> None:
    (line,) = refused(composed(), saved(torch=None))
    assert line.startswith("torch locked none here ")


def test_other_components_are_refused_by_their_places(composed: Callable[..., Run], saved: Callable[..., Path]) -> None:
    run = composed(loss="proofs/tiny-wasserstein", penalties=["proofs/tiny-r1", "proofs/tiny-r1"])
    assert refused(run, saved()) == [
        "loss locked losses/scaled here proofs/tiny-wasserstein",
        "loss.base locked losses/scaled here none",
        "loss.base.base locked proofs/tiny-hinge here none",
        "penalties.0 locked none here proofs/tiny-r1",
        "penalties.1 locked none here proofs/tiny-r1",
        "help: the lock is of a spec with other parts; a run without a lock makes a new one",
    ]


def test_all_differences_are_told_at_once(composed: Callable[..., Run], saved: Callable[..., Path]) -> None:
    path = saved(components__data__version="0.1", torch="2.0.1", components__loss__id="losses/plain")
    assert refused(composed(), path) == [
        "ganreg-pictures locked 0.1 here 1.0 data",
        "loss locked losses/plain here losses/scaled",
        f"torch locked 2.0.1 here {composed().lock().torch}",
        "help: pip install ganreg-pictures==0.1",
        "help: the lock is of a spec with other parts; a run without a lock makes a new one",
        "help: pip install torch==2.0.1",
    ]


def test_what_the_lock_says_cannot_play_with_the_terminal(
    composed: Callable[..., Run], saved: Callable[..., Path]
) -> None:
    path = saved(torch="\x1b[2J", components__data__distribution="\x1b[31m\n")
    with pytest.raises(PluginError) as caught:
        composed().locked(path)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 5
    assert all("\x1b" not in str(d) for d in differences(read_lock(path), composed().lock()))


def test_a_lock_that_is_not_there_is_no_lock(composed: Callable[..., Run], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read the lock .*: No such file or directory\n  help: every run"):
        composed().locked(tmp_path / "none.json")
    with pytest.raises(UsageError, match=r"lock\.json: No such file"):
        composed().locked(tmp_path)


@pytest.mark.parametrize(
    ("content", "messages"),
    [
        (b'{"format": 1,\n "ganreg" "1"}', [":2:11: this is no lock: Expecting ':' delimiter"]),
        (b"", [":1:1: this is no lock: Expecting value"]),
        (b"\xff", [" is no lock: 'utf-8' codec can't decode byte 0xff"]),
        (b"[" * 100_000, [" is no lock: maximum recursion depth exceeded"]),
        (b'{"format": ' + b"1" * 5000 + b"}", [" is no lock: Exceeds the limit"]),
        (b"[]", [" is no lock: should be a valid dictionary"]),
        (b'{"format": 2, "components": []}', [" has the format 2, and this ganreg reads 1"]),
        (
            b'{"format": 1, "ganreg": "1", "torch": null, "python": 3, "components": {"loss": "hinge", "data": {}}}',
            [
                " is no lock: python: should be a valid string",
                " is no lock: platform: Field required",
                " is no lock: components.loss: should be a valid dictionary",
                " is no lock: components.data.id: Field required",
                " is no lock: components.data.distribution: Field required",
                " is no lock: components.data.version: Field required",
                " is no lock: components.data.source: Field required",
            ],
        ),
    ],
)
def test_what_is_no_lock_is_told_with_its_place(content: bytes, messages: list[str], tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    path.write_bytes(content)
    with pytest.raises(SpecError) as caught:
        read_lock(path)
    for mistake, message in zip(caught.value.mistakes, messages, strict=True):
        assert str(mistake).startswith(f"{path}{message}"), str(mistake)


def test_a_part_of_no_plugin_is_known_by_its_source(registry: Make, install: Install, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(LOSSES)
    module = import_module("mine")
    parts = [(("loss",), module.Scaled(base=module.Plain()))]
    (part,) = lock(parts, registry()).components.values()
    assert (part.id, part.distribution, part.version) == ("scaled", None, None)
    assert part.source == source_hash("mine")
    before = lock(parts, registry())
    edit(tmp_path / "mine.py", "2.0", "3.0")
    (found,) = differences(before, lock(parts, registry()))
    assert (found.title, found.remedy) == ("source of scaled", "bring back the source that scaled had")


class TestSource:
    """What the hash of a package covers."""

    @pytest.fixture
    def package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        """`space.pack.inner.part` in the namespace package `space`, with a file beside it that is no Python."""
        root = tmp_path / "space" / "pack"
        (root / "inner").mkdir(parents=True)
        for path in ("__init__.py", "inner/__init__.py", "inner/part.py", "data.txt"):
            (root / path).write_text(f"# {path}\n")
        (tmp_path / "space" / "other").mkdir()
        (tmp_path / "space" / "other" / "__init__.py").write_text("")
        monkeypatch.syspath_prepend(tmp_path)
        import_module("space.pack.inner.part")
        import_module("space.other")
        yield root
        for name in [name for name in sys.modules if name.partition(".")[0] == "space"]:
            del sys.modules[name]

    def test_all_python_of_the_outermost_package_counts_and_nothing_else(self, package: Path) -> None:
        first = source_hash("space.pack.inner.part")
        assert first is not None
        assert first == source_hash("space.pack") != source_hash("space.other")
        (package / "data.txt").write_text("other")
        (package.parent / "other" / "__init__.py").write_text("# other")
        assert source_hash("space.pack") == first
        (package / "new.py").write_text("")
        second = source_hash("space.pack")
        (package / "new.py").rename(package / "newer.py")
        third = source_hash("space.pack")
        (package / "newer.py").write_text("#")
        assert len({first, second, third, source_hash("space.pack")}) == 4

    def test_it_does_not_depend_on_where_and_when_the_package_was_written(self, package: Path, tmp_path: Path) -> None:
        first = source_hash("space.pack")
        copy = shutil.copytree(package, tmp_path / "elsewhere" / "pack")
        for age, path in enumerate(sorted(copy.rglob("*.py"))):
            os.utime(path, (2e9 - age, 2e9 - age))
        sys.modules["space.pack"].__file__ = str(copy / "__init__.py")
        assert source_hash("space.pack") == first

    def test_a_module_need_not_be_importable_by_its_name(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.py"
        path.write_text("x = 1")
        spec = spec_from_file_location("ganreg.<file>.mine", path)
        assert spec is not None
        sys.modules[spec.name] = module_from_spec(spec)
        first = source_hash(spec.name)
        assert first is not None
        (tmp_path / "beside.py").write_text("")
        assert source_hash(spec.name) == first
        path.write_text("x = 2")
        assert source_hash(spec.name) not in (None, first)
        path.unlink()
        assert source_hash(spec.name) is None
        del sys.modules[spec.name]

    def test_there_may_be_nothing_to_read(self) -> None:
        assert source_hash("sys") is None
        assert source_hash("not_loaded") is None

    def test_a_package_that_came_without_its_source_has_none(self, package: Path) -> None:
        for path in package.rglob("*.py"):
            path.unlink()
        (package / "__init__.pyc").write_bytes(b"compiled")
        sys.modules["space.pack"].__file__ = str(package / "__init__.pyc")
        assert source_hash("space.pack") is None


def test_the_platform_is_that_of_wheels_without_the_kernel(composed: Callable[..., Run]) -> None:
    found: Lock = composed().lock()
    assert platform.release() not in found.platform
    assert platform.machine().lower() in found.platform
