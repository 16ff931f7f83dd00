"""`list`, `show`, `schema`, `plugins` and `doctor`: what is installed."""

import json
import os
import pty
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ganreg.cli import kinds, main
from ganreg.cli.commands.show import example
from ganreg.components import KINDS
from ganreg.registry import Registry, first_party
from ganreg.spec.document import from_mapping
from ganreg.spec.runspec import RunSpec
from ganreg.spec.schema import component_schema

Call = Callable[..., Any]
Install = Callable[[str, str], None]

EVERYTHING = '''
from typing import Literal

from pydantic import BaseModel, Field

from ganreg import Discriminator, Generator, Loss, Penalty, hookimpl

class Inner(BaseModel):
    depth: int = 1

class Hinge(Loss, name="tiny-hinge"):
    """Another hinge."""

class Nameless(Loss, name="bare"):
    base: Loss = Field(description="what it changes")
    mode: Literal["a", "b"] | None = Field(None, description="how")
    scales: dict[str, float] = Field({}, description="factors")
    inner: Inner = Field(Inner(), description="more")
    pattern: str = Field("x", pattern="^x+$", description="letters")
    on: bool = Field(True, description="whether")

class Broad(Generator, name="wide"):
    """Makes much."""

class Wide(Discriminator, name="wide"):
    """Gives much."""
    much: bool = True
    provides = frozenset({"features", "class_logits"})

class Changing(Discriminator, name="changing"):
    """Gives what it is told."""
    @property
    def provides(self):
        return frozenset()

class Path(Penalty, name="path"):
    """For the generator."""
    player = "generator"
    requires = frozenset({"features"})

@hookimpl
def ganreg_components():
    return [Hinge, Nameless, Broad, Wide, Changing, Path]
'''


def test_list_shows_name_id_and_first_line_under_its_kind(ganreg: Call) -> None:
    result = ganreg("list")
    assert (result.code, result.err) == (0, "")
    sections = dict(section.split("\n", 1) for section in result.out.split("\n\n"))
    assert list(sections) == ["generators", "discriminators", "encoders", "losses", "penalties", "augmentations",
                              "schedules", "games", "optimizers", "datasets", "metrics", "extractors"]  # fmt: skip
    assert "  tiny-generator         proofs/tiny-generator         A dense layer to a grid" in sections["generators"]
    assert "proofs/tiny-hinge" in sections["losses"]
    assert "proofs/tiny-hinge" not in sections["generators"]


@pytest.mark.parametrize("word", ["penalty", "penalties", "Penalties"])
def test_list_of_one_kind(ganreg: Call, word: str) -> None:
    lines = ganreg("list", word).out.splitlines()
    assert lines[0] == "penalties"
    assert [line.split()[0] for line in lines[1:]] == [
        "tiny-clipping", "tiny-latent-step", "tiny-path-length", "tiny-r1",
    ]  # fmt: skip


def test_the_command_line_has_the_kinds_in_their_order() -> None:
    assert tuple(KINDS) == kinds.KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_listed_and_is_named_by_the_help(ganreg: Call, kind: str) -> None:
    assert ganreg("list", kind).code == 0
    assert kind in " ".join(ganreg("list", "--help").out.split()).replace(" and ", ", ").split("one of ")[1]


def test_list_of_an_unknown_kind(ganreg: Call) -> None:
    result = ganreg("list", "louses")
    assert result.code == 2
    assert "did you mean 'loss'?" in result.err


@pytest.mark.parametrize("colorless", ["", "1"])
def test_list_on_a_terminal_fits_its_width(colorless: str, monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    monkeypatch.setenv("NO_COLOR", colorless)
    with os.fdopen(slave, "w", encoding="utf-8") as terminal, monkeypatch.context() as patch:
        patch.setattr("sys.stdout", terminal)
        assert main(["list", "losses"]) == 0
    lines = os.read(master, 10_000).decode().splitlines()
    os.close(master)
    assert lines[0] == ("losses" if colorless else "\x1b[1mlosses\x1b[0m")
    assert max(map(len, lines)) == 80
    assert lines[1].startswith("  tiny-acgan ")
    assert lines[1].endswith("…")


def test_list_as_json(ganreg: Call) -> None:
    records = json.loads(ganreg("list", "--json").out)
    assert {tuple(sorted(record)) for record in records} == {("distribution", "id", "kind", "name", "summary")}
    assert [r["id"] for r in records if r["kind"] == "encoder"] == ["proofs/tiny-encoder"]
    assert all(r["summary"] for r in records)


def test_a_name_of_several_plugins_is_listed_by_its_ids(ganreg: Call, install: Install) -> None:
    install("other", EVERYTHING)
    first = [line.split()[0] for line in ganreg("list", "loss").out.splitlines()[1:]]
    assert {"proofs/tiny-hinge", "other/tiny-hinge", "tiny-wasserstein"} < set(first)
    assert "tiny-hinge" not in first


def test_list_names_the_doctor_for_a_broken_plugin(ganreg: Call, install: Install) -> None:
    install("broken", "1/0")
    result = ganreg("list")
    assert result.code == 0
    assert result.err == "plugin 'broken' cannot be used: `ganreg doctor` tells why\n"
    assert "proofs/tiny-generator" in result.out


@pytest.mark.needs("ganreg-classic", "ganreg-dynamics")
def test_an_empty_list_says_what_to_install(ganreg: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--no-plugins" in ganreg("--no-plugins", "list").err
    monkeypatch.setenv("GANREG_PLUGINS", "")
    assert ganreg("list").err == "no plugin is loaded, because of GANREG_PLUGINS\n"
    assert ganreg("list", "schedule").err.startswith("no schedule is loaded: GANREG_PLUGINS leaves out ")
    monkeypatch.setattr("ganreg.registry.discovery.entry_points", lambda group: ())
    assert "pip install ganreg-classic ganreg-datasets" in ganreg("list").err
    offering = sorted(known["distribution"] for known in first_party().values() if "schedule" in known["components"])
    assert ganreg("list", "schedule").err == f"no schedule is installed: pip install {' '.join(offering)}\n"
    assert ganreg("list", "--json").out == "[]\n"


def test_show_tells_all_of_a_component(ganreg: Call) -> None:
    out = ganreg("show", "penalty", "tiny-r1").out
    assert out.startswith("penalty tiny-r1  proofs/tiny-r1, ganreg-proofs ")
    assert "½E[‖∇D(x)‖²]" in out
    assert "factor of the term (γ)  [number ≥ 0; default: 10.0]" in out
    assert "Player: discriminator" in out
    assert out.endswith("In a spec: penalties: [{name: tiny-r1, weight: 10.0}]\n")


def test_show_of_a_bare_name_of_several_kinds_shows_them_all(ganreg: Call, install: Install) -> None:
    install("other", EVERYTHING)
    out = ganreg("show", "wide").out
    assert "generator wide" in out
    assert "discriminator wide" in out
    assert ganreg("show", "other/wide").out == out
    assert "discriminator wide" not in ganreg("show", "generators", "wide").out


def test_show_knows_every_form_of_parameter(ganreg: Call, install: Install) -> None:
    install("other", EVERYTHING)
    out = " ".join(ganreg("show", "bare").out.split())
    for words in (
        "base what it changes [a loss, by name or as a mapping; required]",
        'mode how ["a" or "b" or null; default: null]',
        "scales factors [mapping of names to number; default: {}]",
        "more [mapping; default: {",
        'letters [text that matches ^x+$; default: "x"]',
        "whether [true or false; default: true]",
        "In a spec: loss: {name: bare, base: <base>, mode: null}",
    ):
        assert words in out


def test_show_tells_what_parts_provide_and_require(ganreg: Call, install: Install) -> None:
    install("other", EVERYTHING)
    assert "Provides: class_logits, features\n" in ganreg("show", "discriminator", "wide").out
    assert "Provides: what its parameters decide\n" in ganreg("show", "changing").out
    out = ganreg("show", "path").out
    assert "Player: generator\nRequires: features\n" in out
    assert "In a spec: loss: other/tiny-hinge\n" in ganreg("show", "other/tiny-hinge").out


def test_show_as_json(ganreg: Call) -> None:
    (record,) = json.loads(ganreg("show", "tiny-r1", "--json").out)
    assert record["player"] == "discriminator"
    assert (record["provides"], record["requires"]) == ([], [])
    assert record["documentation"].startswith("Zero-centred gradient penalty")
    assert record["schema"]["properties"]["weight"] == {
        "default": 10.0, "description": "factor of the term (γ)", "minimum": 0, "title": "Weight", "type": "number"
    }  # fmt: skip


def test_show_of_an_unknown_name_gives_the_nearest(ganreg: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    result = ganreg("show", "loss", "tiny-hing")
    assert result.code == 3
    assert (
        result.err
        == "error: no loss is called 'tiny-hing'\n  help: did you mean tiny-hinge or proofs/tiny-hinge or tiny-acgan?\n"
    )
    assert "`ganreg list losses`" in ganreg("show", "loss").err
    assert "`ganreg list games` shows" in ganreg("show", "game", "zzzz").err
    monkeypatch.setenv("GANREG_PLUGINS", "")
    monkeypatch.setattr("ganreg.registry.discovery.entry_points", lambda group: ())
    assert "pip install ganreg-classic" in ganreg("show", "hinge").err
    assert ganreg("show", "a", "b", "c").code == 2


def test_show_of_a_broken_plugin(ganreg: Call, install: Install) -> None:
    install("broken", "1/0")
    result = ganreg("show", "broken/x")
    assert result.code == 4
    assert "ZeroDivisionError" in result.err


def parts(spec: dict[str, Any], registry: Registry) -> list[type] | None:
    """The components of a spec; None where one inside another is left to the reader, as `<base>`."""
    try:
        found = RunSpec.model_validate(spec, context={"registry": registry})
    except ValidationError as error:
        if {str(mistake["input"])[0] for mistake in error.errors()} == {"<"}:
            return None
        raise
    return [type(part) for _, part in found.components()]


@pytest.mark.parametrize(
    "plugins",
    ["proofs", pytest.param(",".join(["proofs", *first_party()]), marks=pytest.mark.needs("ganreg-classic"))],
    ids=["proofs", "first-party"],
)
def test_every_example_is_a_line_of_a_spec(
    tmp_path: Path, composition: dict[str, Any], plugins: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ganreg.spec.document import read

    monkeypatch.setenv("GANREG_PLUGINS", plugins)
    registry = Registry.discover()
    for offer in registry.offers():
        line = example(offer, component_schema(offer), registry)
        (tmp_path / "spec.yaml").write_text(line + "\n", encoding="utf-8")
        spec = from_mapping(composition).merge(read(tmp_path / "spec.yaml"))
        found = parts(spec.data, registry)
        assert found is None or offer.component in found, line


def test_schema_to_the_screen_and_to_a_file(ganreg: Call, tmp_path: Path) -> None:
    printed = json.loads(ganreg("schema").out)
    assert "proofs/tiny-hinge" in json.dumps(printed)
    result = ganreg("schema", "--output", "spec.json")
    assert (result.code, result.out) == (0, "")
    assert json.loads((tmp_path / "spec.json").read_text(encoding="utf-8")) == printed
    assert "$schema=spec.json" in result.err
    assert ganreg("schema", "--output", "a/new/folder.json").code == 0
    assert json.loads(Path("a/new/folder.json").read_text(encoding="utf-8")) == printed
    refused = ganreg("schema", "--output", "spec.json/folder.json")
    assert refused.code == 2
    assert "cannot write" in refused.err


def test_doctor_is_content(ganreg: Call) -> None:
    result = ganreg("doctor")
    assert (result.code, result.err) == (0, "")
    versions, limit, proofs = result.out.splitlines()
    assert versions.startswith("ganreg ")
    assert ", torch 2." in versions
    assert limit.endswith("load: proofs")
    assert proofs.startswith("proofs  ganreg-proofs ")
    assert " components " in proofs
    assert proofs.endswith("ms  ok")


def test_doctor_tells_cause_and_remedy(ganreg: Call, install: Install) -> None:
    install("broken", "import a_module_that_nobody_has")
    result = ganreg("doctor")
    assert result.code == 4
    (line,) = [line for line in result.out.splitlines() if line.startswith("broken ")]
    assert line.split()[1:4] == ["ganreg-broken", "0.1", "problem:"]
    assert "ModuleNotFoundError: No module named 'a_module_that_nobody_has'; help: pip install what it needs" in line
    assert line.endswith("or `ganreg uninstall broken`")
    assert "Traceback" not in result.err
    assert "Traceback" in ganreg("--debug", "doctor").err


def test_doctor_as_json(ganreg: Call, install: Install) -> None:
    install("broken", "1/0")
    result = ganreg("doctor", "--json")
    found = json.loads(result.out)
    assert result.code == 4
    assert found["torch"].startswith("2.")
    assert {plugin["namespace"]: plugin["status"] for plugin in found["plugins"]} == {
        "broken": "problem", "proofs": "ok"
    }  # fmt: skip
    assert found["plugins"][0]["remedy"]


def test_doctor_looks_anew(ganreg: Call, install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("fickle", f"import os\nif os.environ.get('FICKLE'):\n    raise KeyError('today')\n{EVERYTHING}")
    assert ganreg("plugins").out.count("problem") == 0
    monkeypatch.setenv("FICKLE", "1")
    assert ganreg("plugins").out.count("problem") == 0
    assert "problem: KeyError: 'today' (" in ganreg("doctor").out
    assert "problem: KeyError: 'today' (" in ganreg("plugins").out


def test_doctor_of_some(ganreg: Call, install: Install) -> None:
    install("broken", "1/0")
    install("sound", EVERYTHING)
    result = ganreg("doctor", "proofs", "sound")
    assert (result.code, "broken" in result.out.splitlines()[-1]) == (0, False)
    assert ganreg("doctor", "broken").code == 4
    refused = ganreg("doctor", "profs")
    assert (refused.code, refused.out) == (4, "")
    assert refused.err == "error: no plugin 'profs' is installed\n  help: did you mean 'proofs'?\n"


def test_a_distribution_whose_entry_point_is_misspelt(ganreg: Call, install: Install, tmp_path: Path) -> None:
    install("mine", EVERYTHING)
    (tmp_path / "site/ganreg_mine-0.1.dist-info/entry_points.txt").write_text("[ganreg.plugin]\nmine = mine\n")
    expected = "ganreg-mine 0.1 is installed, but has no entry point 'mine' in the group 'ganreg.plugins'"
    for command in (("doctor", "mine"), ("uninstall", "mine"), ("check", "--loss", "mine/plain")):
        result = ganreg(*command)
        assert (result.code, expected in result.err) == (3 if command[0] == "check" else 4, True)


def test_show_tells_of_plugins_that_cannot_be_loaded(ganreg: Call, install: Install) -> None:
    install("broken", "1/0")
    assert "cannot be loaded: broken (see ganreg doctor)" in ganreg("show", "sparkling").err


def test_doctor_where_nothing_is_loaded(ganreg: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--no-plugins" in ganreg("--no-plugins", "doctor").out
    monkeypatch.setenv("GANREG_PLUGINS", "")
    _, line = ganreg("doctor").out.splitlines()
    assert line == "plugins: GANREG_PLUGINS lets only these load: none"
    refused = ganreg("doctor", "proofs")
    assert (refused.code, refused.out) == (4, "")
    assert refused.err == "error: the plugin 'proofs' is installed, but GANREG_PLUGINS leaves it out\n"
    monkeypatch.setattr("ganreg.registry.discovery.entry_points", lambda group: ())
    assert "pip install ganreg-classic ganreg-datasets" in ganreg("doctor").out


def test_a_plugin_that_is_misnamed_in_the_environment(ganreg: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    told = "GANREG_PLUGINS names 'profs', which is not installed: did you mean 'proofs'?"
    monkeypatch.setenv("GANREG_PLUGINS", "profs")
    assert f"plugins: {told}\n" in ganreg("doctor").out
    assert ganreg("list").err == f"{told}\n"
    shown = ganreg("show", "loss", "tiny-hinge")
    assert shown.code != 0
    assert told in shown.err
    monkeypatch.setenv("GANREG_PLUGINS", "proofs")
    assert "names" not in ganreg("doctor").out


def test_plugins_tells_distribution_time_and_parts(ganreg: Call, install: Install) -> None:
    install("other", EVERYTHING)
    install("loud", "print('hello')" + EVERYTHING)
    result = ganreg("plugins")
    assert (result.code, result.err) == (0, "")
    limit, loud, other, proofs = result.out.splitlines()
    assert limit == "plugins: GANREG_PLUGINS lets only these load: proofs,other,loud"
    assert re.fullmatch(r"proofs  ganreg-proofs \S+ +[\d.]+ ms  .*, 1 augmentation, .* games, .*", proofs)
    offered = "1 generator, 2 discriminators, 2 losses, 1 penalty"
    assert re.fullmatch(rf"other   ganreg-other 0\.1 +[\d.]+ ms  {offered}", other)
    assert loud.endswith(f" ms  {offered}; warning: prints at import")


def test_plugins_as_json(ganreg: Call, install: Install) -> None:
    install("broken", "1/0")
    install("other", EVERYTHING)
    broken, other, proofs = json.loads(ganreg("plugins", "--json").out)
    assert (broken["distribution"], broken["version"], broken["status"]) == ("ganreg-broken", "0.1", "problem")
    assert broken["cause"].startswith("ZeroDivisionError")
    assert (proofs["status"], proofs["cause"], proofs["remedy"], proofs["warnings"]) == ("ok", None, None, [])
    assert 0 < other["import_ms"] < 10_000
    assert other["components"] == {"generator": 1, "discriminator": 2, "loss": 2, "penalty": 1}


def test_plugins_where_there_are_none(ganreg: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--no-plugins" in ganreg("--no-plugins", "plugins").out
    monkeypatch.setenv("GANREG_PLUGINS", "")
    assert ganreg("plugins").out == "plugins: GANREG_PLUGINS lets only these load: none\n"
    assert ganreg("plugins", "--json").out == "[]\n"
    monkeypatch.setattr("ganreg.registry.discovery.entry_points", lambda group: ())
    assert "pip install ganreg-classic ganreg-datasets" in ganreg("plugins").out


def test_control_characters_of_a_plugin_do_not_reach_the_terminal(ganreg: Call, install: Install) -> None:
    install("broken", "raise ValueError('\\x1b[2Jx')")
    for command in ("doctor", "plugins"):
        out = ganreg(command).out
        assert "\ufffd[2Jx" in out
        assert "\x1b" not in out
