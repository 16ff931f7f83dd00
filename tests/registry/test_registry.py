"""Finding components by id and bare name, whatever else is installed."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic_core import PydanticCustomError

from ganreg.errors import PluginError
from ganreg.registry import Registry, first_party
from ganreg.registry.discovery import VARIABLE

Install = Callable[..., None]
Make = Callable[..., Registry]


def plugin(*names: str) -> str:
    """The code of a plugin that offers losses of these names."""
    classes = "\n".join(f'class L{i}(Loss, name="{name}"):\n    pass' for i, name in enumerate(names))
    listed = ", ".join(f"L{i}" for i in range(len(names)))
    return f"from ganreg import Loss, hookimpl\n{classes}\n@hookimpl\ndef ganreg_components():\n    return [{listed}]\n"


def hint(registry: Registry, kind: str, name: str) -> str:
    with pytest.raises(PydanticCustomError) as caught:
        registry.resolve(kind, name)
    return f"{caught.value.message()} / {(caught.value.context or {}).get('hint', '')}"


def test_a_bare_name_serves_where_one_plugin_offers_it(install: Install, registry: Make) -> None:
    install("one", plugin("mine", "ours"))
    install("two", plugin("ours"))
    found = registry("one", "two")
    assert found.id_of(found.resolve("loss", "mine")) == "one/mine"
    assert hint(found, "loss", "ours") == "several plugins offer a loss called 'ours' / say which: one/ours or two/ours"
    assert found.id_of(found.resolve("loss", "two/ours")) == "two/ours"


def test_an_id_loads_its_namespace_alone(install: Install, registry: Make) -> None:
    install("near", plugin("mine"))
    install("far", "raise RuntimeError('loaded')")
    registry("near", "far").resolve("loss", "near/mine")
    assert "plugin_far" not in sys.modules


def test_a_name_belongs_to_its_kind(install: Install, registry: Make) -> None:
    install("one", plugin("mine"))
    assert "no generator is called 'mine'" in hint(registry("one"), "generator", "mine")


def test_an_unknown_name_is_told_the_nearest(install: Install, registry: Make) -> None:
    install("one", plugin("relativistic"))
    assert hint(registry("one"), "loss", "relativstic").endswith("did you mean 'relativistic'?")
    assert hint(registry("one"), "loss", "one/relativstic").endswith("did you mean 'one/relativistic'?")
    assert hint(registry("one"), "loss", "xyz").endswith("installed: relativistic")


def test_a_first_party_part_that_is_not_installed_is_named_with_its_distribution(
    registry: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganreg.registry.discovery.entry_points", lambda group: ())
    assert hint(registry(), "loss", "hinge").endswith("pip install ganreg-classic")
    assert hint(registry(), "dataset", "datasets/fashion-mnist-10k").endswith("pip install ganreg-datasets")


def test_a_plugin_that_is_installed_and_left_out_is_told_with_what_leaves_it_out(
    install: Install, registry: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("one", plugin("mine"))
    install("classic", plugin("hinge"))
    for names, what in ((None, "--no-plugins"), ("one", "GANREG_PLUGINS")):
        if names:
            monkeypatch.setenv("GANREG_PLUGINS", names)
        told = f"ganreg-classic is installed, but {what} leaves it out"
        assert hint(registry("one"), "loss", "hinge").endswith(told)
        assert hint(registry("one"), "loss", "classic/hinge").endswith(told)
    monkeypatch.setenv("GANREG_PLUGINS", "classic")
    assert hint(registry("classic"), "loss", "one/mine").endswith(
        "the plugin 'one' is installed, but GANREG_PLUGINS leaves it out"
    )


def test_an_id_of_nobody_s_namespace_is_told_where_parts_come_from(install: Install, registry: Make) -> None:
    install("one", plugin("mine"))
    told = hint(registry("one"), "loss", "elsewhere/something")
    assert "`ganreg install elsewhere`, or `ganreg --plugin FILE …`" in told


def test_a_hint_is_no_catalogue(install: Install, registry: Make) -> None:
    install("one", plugin(*(f"loss-{i:03d}" for i in range(100))))
    told = hint(registry("one"), "loss", "xyz")
    assert told.endswith("loss-019 and 80 more (see ganreg list)")
    assert "loss-020" not in told


@pytest.mark.needs(*(known["distribution"] for known in first_party().values()))
def test_the_index_of_first_party_parts_is_what_they_offer() -> None:
    index = first_party()
    offered: dict[str, dict[str, list[str]]] = {namespace: {} for namespace in index}
    for offer in Registry.discover().offers():
        if offer.plugin.namespace in offered:
            offered[offer.plugin.namespace].setdefault(offer.component.kind, []).append(offer.component.name)
            assert offer.plugin.distribution.split()[0] == index[offer.plugin.namespace]["distribution"]
    assert {name: entry["components"] for name, entry in index.items()} == offered


BROKEN = {
    "ImportError": "import a_module_that_is_not_there",
    "SyntaxError": "def f(:",
    "SystemExit": "import sys; sys.exit(3)",
    "ZeroDivisionError": "1 / 0",
    "wrong signature": "from ganreg import hookimpl\n@hookimpl\ndef ganreg_components(extra):\n    return []",
    "misspelt hook": "from ganreg import hookimpl\n@hookimpl\ndef ganreg_component():\n    return []",
    "no hook": "x = 1",
    "no list": "from ganreg import hookimpl\n@hookimpl\ndef ganreg_components():\n    return 3",
    "no component": "from ganreg import hookimpl\n@hookimpl\ndef ganreg_components():\n    return [int]",
    "no name": "from ganreg import Loss, hookimpl\n@hookimpl\ndef ganreg_components():\n    return [Loss]",
    "bad name": "from ganreg import Loss\nclass A(Loss, name='A b'):\n    pass",
    "twice": plugin("same", "same"),
    "fails half-way": plugin("half").replace("    return", "    1 / 0\n    return"),
}


@pytest.mark.parametrize("code", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_plugin_disturbs_nobody(code: str, install: Install, registry: Make) -> None:
    install("bad", code)
    install("good", plugin("mine"))
    found = registry("bad", "good")
    assert [offer.id for offer in found.offers()] == ["good/mine"]
    assert found.resolve("loss", "mine").name == "mine"
    problem = found.plugin("bad").problem
    assert problem is not None
    assert problem.cause
    assert problem.remedy
    assert not found.manager.has_plugin("bad")
    assert "cannot be loaded: bad" in hint(found, "loss", "xyz")
    with pytest.raises(PluginError, match=r"plugin 'bad' \(ganreg-bad 1\.0\)"):
        found.resolve("loss", "bad/mine")


def test_two_distributions_with_one_namespace_are_an_error_only_when_used(install: Install, registry: Make) -> None:
    install("same", plugin("mine"), distribution="ganreg-first", module="first")
    install("same", plugin("mine"), distribution="ganreg-second", module="second")
    install("good", plugin("other"))
    found = registry("same", "good")
    assert found.resolve("loss", "other").name == "other"
    with pytest.raises(PluginError, match=r"ganreg-first 1\.0 and ganreg-second 1\.0"):
        found.resolve("loss", "same/mine")


def test_what_a_plugin_prints_at_import_stays_out_of_standard_output(
    install: Install, registry: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    install("loud", "print('hello')\n" + plugin("mine"))
    registry("loud").plugins()
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "hello\n")


def test_the_loaded_object_is_a_pluggy_plugin(install: Install, registry: Make) -> None:
    install("one", plugin("mine"))
    found = registry("one")
    found.plugins()
    assert found.manager.get_plugin("one") is sys.modules["plugin_one"]


def test_the_environment_says_what_may_load(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("one", plugin("mine"))
    install("two", plugin("other"))
    monkeypatch.setenv(VARIABLE, "two, three")
    assert Registry.discover().namespaces == ("two",)
    monkeypatch.setenv(VARIABLE, "")
    assert Registry.discover().namespaces == ()
    monkeypatch.delenv(VARIABLE)
    assert {"one", "two", "proofs"} <= set(Registry.discover().namespaces)
    assert Registry.discover(plugins=False).namespaces == ()


def test_a_file_serves_where_it_is_given(tmp_path: Path, install: Install) -> None:
    file = tmp_path / "my_parts.py"
    file.write_text(plugin("own"))
    found = Registry.discover(plugins=False, files=[file])
    assert (
        found.id_of(found.resolve("loss", "own"))
        == found.id_of(found.resolve("loss", "my-parts/own"))
        == "my-parts/own"
    )
    assert [(listing.distribution, listing.namespace) for listing in found.listings()] == [(str(file), "my-parts")]
    found.refresh()
    assert found.resolve("loss", "own").name == "own"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def f(:", r"SyntaxError: .*\(.*mine\.py:1\)\n  help: mend the file"),
        ("x = 1\n1 / 0", r"ZeroDivisionError: division by zero \(.*mine\.py:2\)\n  help: mend the file"),
        ("import nothing_of_that_name", r"help: pip install what it needs \(nothing_of_that_name\), or mend the file"),
        ("raise SystemExit", r"it calls sys\.exit\(\)"),
        ("import ganreg\nganreg.Sampler", r"it uses what ganreg \S+ does not have: .*'Sampler'"),
    ],
)
def test_a_file_that_cannot_serve_is_an_error_at_once(tmp_path: Path, code: str, message: str) -> None:
    (tmp_path / "mine.py").write_text(code)
    with pytest.raises(PluginError, match=message):
        Registry.discover(plugins=False, files=[tmp_path / "mine.py"])
    assert "ganreg_file_mine" not in sys.modules


def test_a_namespace_is_one_file_s_or_one_plugin_s(
    tmp_path: Path, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("mine", plugin("installed"))
    monkeypatch.setenv(VARIABLE, "mine")
    (tmp_path / "other").mkdir()
    for folder in (tmp_path, tmp_path / "other"):
        (folder / "mine.py").write_text(plugin("own"))
    with pytest.raises(PluginError, match=r"mine\.py and ganreg-mine 1\.0 have one namespace, 'mine'"):
        Registry.discover(files=[tmp_path / "mine.py"])
    both = [tmp_path / "mine.py", tmp_path / "other" / "mine.py"]
    with pytest.raises(PluginError, match=r"other/mine\.py and .*/mine\.py have one namespace, 'mine'"):
        Registry.discover(plugins=False, files=both)
    assert Registry.discover(plugins=False, files=both[:1]).namespaces == ("mine",)
