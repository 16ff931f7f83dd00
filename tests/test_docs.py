"""The documentation is true: generated pages are fresh, commands and examples run, nothing public goes unmentioned."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ganreg
from ganreg import hookspecs
from ganreg.cli.group import COMMANDS
from ganreg.components import KINDS
from ganreg.errors import SpecError

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])


def text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_generated_pages_are_fresh() -> None:
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    for name, content in reference.pages().items():
        assert text(name) == content, f"docs/{name} is stale: run `make docs`"


def test_every_kind_hook_and_command_is_documented() -> None:
    contracts, words = text("contracts.md"), text("first-run.md") + (ROOT / "README.md").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"\n## {kind.capitalize()}\n" not in contracts] == []
    hooks = [name for name in vars(hookspecs) if name.startswith("ganreg_")]
    assert hooks
    assert [hook for hook in hooks if f"`{hook}`" not in contracts] == []
    assert [command for command in COMMANDS if f"ganreg {command}" not in words] == []


def test_every_public_name_is_documented() -> None:
    everything = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in ganreg.__all__ if not re.search(rf"\b{name}\b", everything)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [t for t in targets if "://" not in t and not (page.parent / t).exists()] == []


@pytest.mark.parametrize("name", ["demo", "textbook-repaired"])
def test_examples_pass_the_check(name: str) -> None:
    ganreg.load(DOCS / "examples" / f"{name}.yaml").check()


def test_the_text_book_example_is_refused_naming_both_sides_and_the_shapes() -> None:
    with pytest.raises(SpecError) as caught:
        ganreg.load(DOCS / "examples" / "textbook.yaml")
    shown = str(caught.value)
    assert "textbook.yaml:4:12: the generator 'mlp': makes (256, 4, 4) images" in shown
    assert "textbook.yaml:5:16: the discriminator 'conv' takes (3, 64, 64)" in shown


def test_the_repaired_text_book_example_trains(tmp_path: Path) -> None:
    run = ganreg.load(DOCS / "examples" / "textbook-repaired.yaml")
    match = run.assemble().match
    for _ in range(2):
        match.step()
    match.guard.check(match.networks)


def test_the_first_run_page_does_what_it_says(tmp_path: Path) -> None:
    page = text("first-run.md")
    (spec,) = re.findall(r"```yaml\n(data:.*?)```", page, re.DOTALL)
    (tmp_path / "shirts.yaml").write_text(spec.replace("steps: 200", "steps: 2"), encoding="utf-8")
    commands = [line[2:].split("#")[0].strip() for line in page.splitlines() if line.startswith("$ ganreg")]
    assert len(commands) == 8
    for command in commands:
        arguments = [sys.executable, "-m", *command.split()]
        done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, (command, done.stderr)
    assert (tmp_path / "grid.png").exists()
    (python,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    script = python + "\nassert images.shape == (16, 1, 28, 28)\n"
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, timeout=300)
