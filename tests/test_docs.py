"""The documentation is true: generated pages are fresh, commands and examples run, nothing public goes unmentioned."""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

import ganreg
from ganreg import hookspecs
from ganreg.cli import main
from ganreg.cli.group import COMMANDS, group
from ganreg.components import KINDS
from ganreg.engine.guards import unsound
from ganreg.errors import SpecError
from ganreg.registry import Registry, first_party
from ganreg.registry.discovery import installed

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
SITE = [path.relative_to(DOCS).as_posix() for path in sorted(DOCS.rglob("*.md"))]
OFFERS = Registry(installed(frozenset(first_party()))).offers()
PROSE = ["first-run.md", "comparing.md", "first-plugin.md", "publishing.md"]
FIRST_PARTY = pytest.mark.needs(*(known["distribution"] for known in first_party().values()))
TEXT_BOOK = pytest.mark.needs("ganreg-classic", "ganreg-datasets")
GENERATORS = [offer.id for offer in OFFERS if offer.component.kind == "generator"]


def text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@FIRST_PARTY
def test_generated_pages_are_fresh() -> None:
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    for path, content in reference.pages().items():
        assert path.read_text(encoding="utf-8") == content, f"{path.name} is stale: run `make docs`"


def test_every_kind_hook_and_command_is_documented() -> None:
    contracts = text("contracts.md")
    words = "".join(map(text, PROSE)) + (ROOT / "README.md").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"\n## {kind.capitalize()}\n" not in contracts] == []
    hooks = [name for name in vars(hookspecs) if name.startswith("ganreg_")]
    assert hooks
    assert [hook for hook in hooks if f"`{hook}`" not in contracts] == []
    assert [command for command in COMMANDS if f"ganreg {command}" not in words] == []


def test_the_command_line_page_has_every_command_and_option() -> None:
    sections = dict(re.findall(r"\n## `([\w-]+)`\n(.*?)(?=\n## |\Z)", text("cli.md"), re.DOTALL))
    assert list(sections) == list(COMMANDS)
    context = click.Context(group)
    for name, section in sections.items():
        command = group.get_command(context, name)
        assert command is not None
        described = " ".join(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)).replace(",", "").split()
        options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
        assert [opt for option in options for opt in option.opts if opt not in described] == []


@FIRST_PARTY
def test_every_part_and_parameter_is_described() -> None:
    page = text("parts.md")
    assert [o.id for o in OFFERS if f"### {o.component.kind} `{o.component.name}`\n\n`{o.id}`" not in page] == []
    for name in ("parts.md", "spec.md", "cli.md"):
        assert [line for line in text(name).splitlines() if re.search(r"\|\s*\|\s*$", line)] == []


@FIRST_PARTY
@pytest.mark.parametrize("generator", GENERATORS)
def test_every_generator_has_a_picture_and_its_recipe(generator: str) -> None:
    name = f"pictures/{generator.replace('/', '-')}"
    run = ganreg.load(DOCS / f"{name}.yaml")
    run.check()
    assert run.registry.id_of(type(run.spec.generator)) == generator
    assert f"]({name}.png)\n\n```yaml\n{text(f'{name}.yaml')}```" in text("parts.md")
    with Image.open(DOCS / f"{name}.png") as picture:
        assert picture.width == picture.height
        assert np.ptp(np.asarray(picture)) > 200


@FIRST_PARTY
def test_every_picture_is_of_a_generator() -> None:
    assert {p.stem for p in (DOCS / "pictures").iterdir()} == {g.replace("/", "-") for g in GENERATORS}


def test_every_page_is_in_the_navigation() -> None:
    configuration = YAML(typ="safe").load(ROOT / "mkdocs.yml")
    assert sorted(leaves(configuration["nav"])) == SITE


def leaves(item: Any) -> Iterator[str]:
    if isinstance(item, str):
        yield item
    else:
        for below in item.values() if isinstance(item, dict) else item:
            yield from leaves(below)


def test_the_site_builds_strictly_and_loads_nothing_from_outside(tmp_path: Path) -> None:
    for name in ("docs", "mkdocs.yml", "CHANGELOG.md"):
        (shutil.copytree if name == "docs" else shutil.copy)(ROOT / name, tmp_path / name)
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*.html")}
    assert pages == {page.replace(".md", ".html") for page in SITE} | {"404.html"}
    for path in (tmp_path / "site").rglob("*.html"):
        loaded = re.findall(r"<(?:script|img|link|iframe|source)\b[^>]*", path.read_text(encoding="utf-8"))
        assert loaded
        assert [tag for tag in loaded if re.search(r"""(?:src|href)=["']?(?:https?:)?//""", tag)] == []
    for path in (tmp_path / "site").rglob("*.css"):
        assert not re.search(r"""(?:url\(|@import)\s*["']?(?:https?:)?//""", path.read_text(encoding="utf-8"))


def test_no_page_has_a_path_of_somebodys_machine() -> None:
    files = [*PAGES, *DOCS.rglob("*.yaml"), ROOT / "mkdocs.yml"]
    assert [f.name for f in files if re.search(r"(?<!\w)/(?:home|root|work|tmp|opt)/", f.read_text("utf-8"))] == []


def test_every_public_name_is_documented() -> None:
    everything = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in ganreg.__all__ if not re.search(rf"\b{name}\b", everything)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [t for t in targets if "://" not in t and not (page.parent / t).exists()] == []


@TEXT_BOOK
@pytest.mark.parametrize(
    "name", ["demo", "textbook-repaired", pytest.param("evaluation", marks=pytest.mark.needs("ganreg-metrics"))]
)
def test_examples_pass_the_check(name: str) -> None:
    ganreg.load(DOCS / "examples" / f"{name}.yaml").check()


@TEXT_BOOK
def test_the_text_book_example_is_refused_naming_both_sides_and_the_shapes() -> None:
    with pytest.raises(SpecError) as caught:
        ganreg.load(DOCS / "examples" / "textbook.yaml")
    shown = str(caught.value)
    assert "textbook.yaml:4:12: the generator 'mlp': makes (256, 4, 4) images" in shown
    assert "textbook.yaml:5:16: the discriminator 'conv' takes (3, 64, 64)" in shown


@TEXT_BOOK
def test_the_repaired_text_book_example_trains(tmp_path: Path) -> None:
    run = ganreg.load(DOCS / "examples" / "textbook-repaired.yaml")
    match = run.assemble().match
    for _ in range(2):
        match.step()
    assert not unsound(match.networks)


@TEXT_BOOK
@pytest.mark.filterwarnings("default")  # as in a process of the command line: torch's export has some
def test_the_first_run_page_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = text("first-run.md")
    (spec,) = re.findall(r"```yaml\n(data:.*?)```", page, re.DOTALL)
    (tmp_path / "shirts.yaml").write_text(spec.replace("steps: 200", "steps: 2"), encoding="utf-8")
    commands = [line[2:].split("#")[0].strip() for line in page.splitlines() if line.startswith("$ ganreg")]
    assert len(commands) == 9
    for command in commands:
        assert main(command.split()[1:]) == 0, command
    assert (tmp_path / "grid.png").exists()
    assert (tmp_path / "generator.pt2").exists()
    (python,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    script = python + "\nassert images.shape == (16, 1, 28, 28)\n"
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, timeout=300)
