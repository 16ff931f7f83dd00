"""What plugins offer is known without importing them here, and looked at again when it may have changed."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ganreg.errors import PluginError
from ganreg.registry import Registry
from ganreg.registry.cache import VARIABLE

Install = Callable[..., None]
Make = Callable[..., Registry]

COUNTED = """
import os
from pathlib import Path
from ganreg import Loss, hookimpl
with Path({log!r}).open("a") as file:
    file.write("x")
if os.environ.get("BROKEN"):
    raise RuntimeError("as the environment says")
class Mine(Loss, name=os.environ.get("NAME", "mine")):
    '''The first line.

    Not the second.'''
@hookimpl
def ganreg_components():
    return [Mine]
"""


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the cache, which is not there yet."""
    folder = tmp_path_factory.mktemp("user") / "cache"
    monkeypatch.setenv(VARIABLE, str(folder))
    return folder


@pytest.fixture
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where plugins write an x when they are imported."""
    file = tmp_path_factory.mktemp("log") / "log"
    file.touch()
    return file


@pytest.fixture
def counted(install: Install, log: Path) -> Callable[[], int]:
    """A plugin that counts how often it is imported; gives the count."""
    install("one", COUNTED.format(log=str(log)))
    return lambda: len(log.read_text())


def test_a_listing_imports_nothing_here_and_once_elsewhere(counted: Callable[[], int], registry: Make) -> None:
    for _ in range(2):
        (listing,) = registry("one").listings()
        assert [(e.kind, e.name, e.summary) for e in listing.entries] == [("loss", "mine", "The first line.")]
        assert (listing.distribution, listing.problem, listing.warnings) == ("ganreg-one 1.0", None, ())
    assert counted() == 1
    assert "plugin_one" not in sys.modules


def test_a_bare_name_loads_who_offers_it(counted: Callable[[], int], install: Install, registry: Make) -> None:
    install("two", COUNTED.format(log=os.devnull).replace('"mine"', '"other"'))
    assert registry("one", "two").resolve("loss", "other").name == "other"
    assert "plugin_two" in sys.modules
    assert "plugin_one" not in sys.modules


@pytest.mark.parametrize("name", ["renamed", "ours"], ids=["of another size", "of one size"])
def test_an_edit_is_seen(name: str, counted: Callable[[], int], registry: Make, tmp_path: Path) -> None:
    registry("one").listings()
    code = tmp_path / "plugin_one.py"
    code.write_text(code.read_text().replace('"mine"', f'"{name}"'))
    later = code.stat().st_mtime + 2  # Python itself sees no edit of one size within a second
    os.utime(code, (later, later))
    assert registry("one").listings()[0].entries[0].name == name
    assert counted() == 2


def test_another_version_is_seen(counted: Callable[[], int], registry: Make, tmp_path: Path) -> None:
    registry("one").listings()
    metadata = tmp_path / "ganreg_one-1.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("1.0", "1.1"))
    assert registry("one").listings()[0].distribution == "ganreg-one 1.1"
    assert counted() == 2


def test_what_a_plugin_lacked_is_found_once_it_is_installed(install: Install, registry: Make, tmp_path: Path) -> None:
    install("one", "import needed_by_one\n" + COUNTED.format(log=os.devnull))
    assert "needed_by_one" in str(registry("one").listings()[0].problem)
    (tmp_path / "needed_by_one.py").touch()
    assert registry("one").listings()[0].problem is None


def test_a_failure_is_remembered(install: Install, registry: Make, log: Path) -> None:
    install("one", COUNTED.format(log=str(log)) + "1 / 0")
    for _ in range(2):
        assert registry("one").listings()[0].problem is not None
    assert log.read_text() == "x"


def test_a_failure_is_remembered_whatever_script_asks(
    install: Install,
    registry: Make,
    log: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python puts a script's own folder on the path, which tells of nothing that was installed."""
    install("one", COUNTED.format(log=str(log)) + "1 / 0")
    paths = list(sys.path)
    for name in ("here", "there"):
        folder = tmp_path_factory.mktemp(name)
        monkeypatch.setattr(sys, "argv", [str(folder / "script.py")])
        monkeypatch.setattr(sys, "path", [str(folder), *paths])
        assert registry("one").listings()[0].problem is not None
    assert log.read_text() == "x"


@pytest.mark.parametrize(
    "damage",
    ["", "{", "[]", "3", '{"one": 3}', '{"one": {"mark": "", "listing": {}}}', "\x00", "[" * 100_000],
)
def test_a_damaged_cache_is_no_cache(damage: str, counted: Callable[[], int], registry: Make, cache: Path) -> None:
    registry("one").listings()
    (file,) = cache.iterdir()
    file.write_text(damage)
    assert registry("one").listings()[0].entries
    assert counted() == 2
    assert registry("one").listings()[0].entries
    assert counted() == 2, "it was not mended"


def test_without_a_place_for_it_there_is_no_cache(counted: Callable[[], int], registry: Make, cache: Path) -> None:
    cache.write_text("a file stands where the folder would be")
    for count in (1, 2):
        assert registry("one").listings()[0].entries
        assert counted() == count


def test_a_cache_that_cannot_be_replaced_is_left_alone(counted: Callable[[], int], registry: Make, cache: Path) -> None:
    registry("one").listings()
    (file,) = cache.iterdir()
    file.unlink()
    file.mkdir()
    assert registry("one").listings()[0].entries
    assert list(cache.iterdir()) == [file], "the half of a cache is left beside it"


def test_every_environment_has_a_cache_of_its_own(
    counted: Callable[[], int], registry: Make, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry("one").listings()
    monkeypatch.setattr(sys, "prefix", "/another/environment")
    registry("one").listings()
    assert len(list(cache.iterdir())) == 2
    assert counted() == 2


def test_nothing_is_left_beside_the_cache(
    counted: Callable[[], int], install: Install, registry: Make, cache: Path
) -> None:
    install("two", COUNTED.format(log=os.devnull))
    registry("one").listings()
    registry("two").listings()
    assert len(list(cache.iterdir())) == 1
    registry("one", "two").listings()
    assert counted() == 1, "the second replaced the first"


def test_what_the_index_cannot_see_is_seen_when_it_matters(
    counted: Callable[[], int], registry: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry("one").listings()
    monkeypatch.setenv("NAME", "changed")
    assert registry("one").resolve("loss", "changed").name == "changed"
    assert registry("one").listings()[0].entries[0].name == "changed"


def test_a_plugin_that_fails_here_alone_is_a_plugin_that_fails(
    counted: Callable[[], int], registry: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry("one").listings()
    monkeypatch.setenv("BROKEN", "1")
    with pytest.raises(PluginError, match="RuntimeError: as the environment says"):
        registry("one").resolve("loss", "mine")


def test_a_broken_plugin_gets_another_chance_when_it_is_named(
    counted: Callable[[], int], registry: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKEN", "1")
    assert registry("one").listings()[0].problem is not None
    monkeypatch.delenv("BROKEN")
    assert registry("one").listings()[0].problem is not None
    assert registry("one").resolve("loss", "one/mine").name == "mine"
    assert registry("one").listings()[0].problem is None


def test_a_broken_plugin_is_not_imported_here(install: Install, registry: Make, log: Path) -> None:
    install("one", COUNTED.format(log=str(log)) + "os._exit(1)")
    found = registry("one")
    assert found.plugins()[0].problem is not None
    assert found.offers() == ()
    assert log.read_text() == "x"


def test_a_folder_that_is_gone_disturbs_nothing(
    counted: Callable[[], int],
    registry: Make,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path_factory.mktemp("gone")
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert registry("one").listings()[0].entries
