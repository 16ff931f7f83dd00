"""`ganreg new`: what it writes is complete, short and in style, and what it refuses is said with a way out."""

import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ganreg.cli import main
from ganreg.errors import UsageError
from ganreg.scaffold import create

FILES = [
    ".github/workflows/test.yml",
    ".gitignore",
    "LICENSE",
    "README.md",
    "ganreg_style_mix/__init__.py",
    "ganreg_style_mix/networks.py",
    "pyproject.toml",
    "tests/test_conformance.py",
    "tests/test_loss.py",
]
NAMESPACES = ["sparkle", "style-mix", "none", "x", "loss", "a2", "w" * 30]
"""Also what would be a keyword of Python as a class, and the longest there may be."""


@pytest.fixture(autouse=True)
def _surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, and a git that knows somebody."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".gitconfig").write_text('[user]\n\tname = "Ada  \\"L\\" Lovelace"\n', encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / ".gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def python(folder: Path) -> str:
    """All Python in a folder."""
    return "".join(path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py")))


def test_every_file_is_there_and_nothing_of_the_template_is_left(tmp_path: Path) -> None:
    written = create("style-mix", tmp_path / "plugin")
    assert sorted(map(str, written)) == FILES
    found = [path.relative_to(tmp_path / "plugin") for path in (tmp_path / "plugin").rglob("*") if path.is_file()]
    assert sorted(found) == sorted(written)
    for path in written:
        text = (tmp_path / "plugin" / path).read_text(encoding="utf-8")
        assert text.endswith("\n")
        assert not any(mark in text for mark in ("{%", "jinja", "{{ n", "{{ p", "{{ t"))
    assert "python-version: ${{ matrix.python }}" in (tmp_path / "plugin" / FILES[0]).read_text(encoding="utf-8")


def test_fewer_than_60_lines_of_python_are_to_be_read(tmp_path: Path) -> None:
    create("sparkle", tmp_path / "plugin")
    lines = [line for line in python(tmp_path / "plugin").splitlines() if line.strip()]
    assert 30 < len(lines) < 60
    assert len(python(tmp_path / "plugin" / "ganreg_sparkle").splitlines()) < 60


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_it_is_in_the_style_of_ruff_by_default_and_ours(namespace: str, tmp_path: Path) -> None:
    folder = tmp_path / "plugin"
    create(namespace, folder)
    strict = ("--select", "E,F,W,I,UP,B,C4,SIM,PT,RET,PIE,N,A")
    for command in (("check",), ("check", *strict), ("format", "--check")):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "."], cwd=folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout
    compile(python(folder), "plugin", "exec")


def test_the_licence_names_who_git_knows_and_the_year(tmp_path: Path) -> None:
    create("sparkle", tmp_path / "plugin")
    licence = (tmp_path / "plugin" / "LICENSE").read_text(encoding="utf-8")
    assert f'Copyright (c) {date.today().year} Ada "L" Lovelace\n' in licence
    ours = (Path(__file__).parents[2] / "LICENSE").read_text(encoding="utf-8")
    assert licence.partition("\n\nPermission")[2] == ours.partition("\n\nPermission")[2]


@pytest.mark.parametrize("lacking", ["name", "git"])
def test_the_licence_is_the_authors_where_git_knows_nobody(
    lacking: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if lacking == "git":
        monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / ".gitconfig").write_text("", encoding="utf-8")
    create("sparkle", tmp_path / "plugin")
    assert " the authors\n" in (tmp_path / "plugin" / "LICENSE").read_text(encoding="utf-8")


REST = ", so no spec could name its parts\n  help: choose another, such as "


@pytest.mark.parametrize(
    ("namespace", "message"),
    [
        ("Sparkle", "did you mean 'sparkle'?"),
        ("my_gan", "did you mean 'my-gan'?"),
        ("two words", "did you mean 'two-words'?"),
        ("-x-", "did you mean 'x'?"),
        ("../up", "did you mean 'up'?"),
        ("3d", "begins with a letter: such as 'sparkle'"),
        ("", "such as 'sparkle'"),
        ("ß", "such as 'sparkle'"),
        ("ganreg-sparkle", "leave out the prefix: ganreg new sparkle"),
        ("w" * 31, "31 letters, and 30 are enough"),
        ("classic", "belongs to ganreg-classic"),
        *((word, f"YAML does not read it as text{REST}'{word}-gan'") for word in ("true", "null", "on", "no", "y")),
        ("proofs-of-mine", "belongs to ganreg-other"),
    ],
)
def test_a_namespace_that_cannot_be_one_is_refused(
    namespace: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "site" / "ganreg_other-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ganreg-other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ganreg.plugins]\nproofs-of-mine = ganreg_other\nother = ganreg_other\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    with pytest.raises(UsageError) as caught:
        create(namespace, tmp_path / "plugin")
    assert message in str(caught.value)
    assert not (tmp_path / "plugin").exists()
    create("other", tmp_path / "plugin")  # the installed one would be replaced, not in conflict


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("years of work")
    for path, message in (("full", "is not empty: it holds thesis.tex"), ("full/thesis.tex", "is a file")):
        with pytest.raises(UsageError, match=message):
            create("sparkle", tmp_path / path)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["thesis.tex"]


def test_an_empty_folder_and_a_new_repository_will_do(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    for folder in ("empty", "repository", "deep/in/a/new/place"):
        assert len(create("sparkle", tmp_path / folder)) == len(FILES)


def test_the_command_writes_where_its_name_says_and_tells_the_next_three(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "style-mix"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "wrote ganreg-style-mix",
        *(f"  {name}" for name in FILES),
        "",
        "next:",
        "  pip install -e ./ganreg-style-mix",
        "  ganreg test style-mix",
        "  ganreg run --generator style-mix --discriminator mlp --loss style-mix --data fashion-mnist-10k "
        "--set train.steps=50",
    ]
    assert (tmp_path / "ganreg-style-mix" / "pyproject.toml").is_file()
    assert main(["new", "style-mix", "a folder"]) == 0
    assert "pip install -e './a folder'" in capsys.readouterr().out
    assert main(["new", "style-mix", str(tmp_path / "absolute")]) == 0
    assert f"pip install -e {tmp_path / 'absolute'}\n" in capsys.readouterr().out
    assert main(["new", "style-mix"]) == 2
    assert "error: the folder ganreg-style-mix is not empty" in capsys.readouterr().err


COMPOSE = """
import itertools, sys, ganreg

assert "torch" not in sys.modules
for size, conditional, loss, penalties in itertools.product(
    (28, 15), (False, True), ("sparkle", "hinge"), ([], ["r1"], ["gradient-penalty"])
):
    run = ganreg.compose(
        generator={"name": "sparkle", "width": 8}, discriminator="conv", loss=loss, penalties=penalties,
        data={"name": "proofs/tiny-pictures", "side": size, "classes": 10}, conditional=conditional,
        train={"batch_size": 3, "device": "cpu"},
    )
    assert not run.check().warnings
    run.assemble().match.step()
"""


@pytest.fixture(scope="module")
def sparkle(tmp_path_factory: pytest.TempPathFactory, environment: Callable[[Path], Any]) -> Callable[..., str]:
    """What a command prints, which succeeds, where the plugin `sparkle` is written into `plugin` and installed."""
    folder = tmp_path_factory.mktemp("sparkle")
    variables = environment(folder / "venv").variables

    def call(*command: str) -> str:
        options: dict[str, Any] = {"cwd": folder, "env": variables, "text": True, "timeout": 300}
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
        assert done.returncode == 0, done.stdout
        return done.stdout

    call("ganreg", "new", "sparkle", "plugin")
    call("pip", "install", "--quiet", "./plugin")
    assert list((folder / "venv").rglob("site-packages/ganreg_sparkle/networks.py"))
    return call


def test_its_tests_pass_as_generated(sparkle: Callable[..., str]) -> None:
    assert " passed" in sparkle("pytest", "-W", "error", "-q", "plugin")


@pytest.mark.needs("ganreg-classic")
def test_its_parts_train_with_everybodys(sparkle: Callable[..., str]) -> None:
    sparkle("python", "-c", COMPOSE)


def test_the_template_is_in_the_wheel_of_ganreg(tmp_path: Path) -> None:
    from zipfile import ZipFile

    from hatchling.builders.wheel import WheelBuilder

    root = Path(__file__).parents[2]
    (wheel,) = WheelBuilder(str(root)).build(directory=str(tmp_path), versions=["standard"])
    template = root / "ganreg" / "scaffold" / "template"
    files = {path.relative_to(root).as_posix() for path in template.rglob("*") if path.is_file()}
    assert len(files) == len(FILES)
    assert files <= set(ZipFile(wheel).namelist())
