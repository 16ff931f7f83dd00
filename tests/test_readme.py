"""The README does what it says: its commands run, its blocks of code work, its plugin installs with pip."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def block(language: str, start: str) -> str:
    """The one block of a language that begins so."""
    (found,) = [text for kind, text in BLOCKS if kind == language and text.startswith(start)]
    return str(found)


def call(*command: str, folder: Path, path: Path | None = None, code: int = 0) -> str:
    """Run a command in a folder; its output, both streams."""
    environment = {**os.environ, **({"PYTHONPATH": str(path)} if path else {})}
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300
    )
    assert done.returncode == code, done.stdout
    return done.stdout


def ganreg(*arguments: str, folder: Path, path: Path | None = None, code: int = 0) -> str:
    return call(sys.executable, "-m", "ganreg", *arguments, folder=folder, path=path, code=code)


@pytest.mark.needs("ganreg-classic", "ganreg-datasets")
def test_the_spec_passes_the_check_and_the_mistake_is_reported_as_shown(tmp_path: Path) -> None:
    spec = block("yaml", "data:")
    (tmp_path / "spec.yaml").write_text(spec, encoding="utf-8")
    assert ganreg("check", "spec.yaml", folder=tmp_path).rstrip().endswith("ok")
    (tmp_path / "spec.yaml").write_text(spec.replace("width", "widht"), encoding="utf-8")
    shown = block("console", "$ ganreg check spec.yaml\nspec").partition("\n")[2]
    assert ganreg("check", "spec.yaml", folder=tmp_path, code=3) == shown


@pytest.mark.needs("ganreg-classic", "ganreg-datasets")
def test_the_run_from_python(tmp_path: Path) -> None:
    text = block("python", "import ganreg\n\nrun")
    short = text.replace('data="fashion-mnist-10k"', 'data="fashion-mnist-10k", train={"steps": 1, "batch_size": 4}')
    assert short != text
    (tmp_path / "script.py").write_text(short + "\nassert images.shape == (64, 1, 28, 28)\n", encoding="utf-8")
    call(sys.executable, "script.py", folder=tmp_path)
    assert (tmp_path / "runs" / "dcgan-hinge" / "report.html").exists()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The README's plugin as a wheel, installed by pip into a folder of its own."""
    source, wheels, site = (tmp_path_factory.mktemp(name) for name in ("source", "wheels", "site"))
    (source / "ganreg_tiny").mkdir()
    (source / "ganreg_tiny" / "__init__.py").write_text(block("python", "# ganreg_tiny/__init__.py"), encoding="utf-8")
    (source / "ganreg_tiny" / "networks.py").write_text(block("python", "# ganreg_tiny/networks.py"), encoding="utf-8")
    (source / "pyproject.toml").write_text(block("toml", "# pyproject.toml"), encoding="utf-8")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    call(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), ".", folder=source)
    (wheel,) = wheels.glob("ganreg_tiny-1.0.0-*.whl")
    call(*pip, "install", "--no-deps", "--target", str(site), str(wheel), folder=source)
    return site


@pytest.mark.needs("ganreg-classic", "ganreg-datasets")
def test_a_strangers_plugin_composes_by_name(site: Path, tmp_path: Path) -> None:
    assert "tiny/softplus" in ganreg("list", "losses", folder=tmp_path, path=site)
    composition = {"generator": "tiny", "discriminator": "dcgan", "loss": "softplus", "data": "fashion-mnist-10k"}
    arguments = [word for key, name in composition.items() for word in (f"--{key}", name)]
    ganreg("run", *arguments, "--set", "train.steps=2", "--out", "run", folder=tmp_path, path=site)
    assert (tmp_path / "run" / "report.html").exists()


@pytest.mark.needs("ganreg-classic", "ganreg-datasets")
def test_a_strangers_parts_train_with_every_first_party_part(site: Path, tmp_path: Path) -> None:
    script = """
import itertools, ganreg
from ganreg.registry import Registry

registry = Registry.discover()
names = lambda kind: [o.component.name for o in registry.offers(kind) if o.plugin.namespace in ("classic", "tiny")]
count = 0
for generator, discriminator, loss, penalty, schedule in itertools.product(
    ["tiny"], names("discriminator"), ["softplus", "hinge"], [None, *names("penalty")], names("schedule")
):
    run = ganreg.compose(
        registry=registry, data="fashion-mnist-10k", generator={"name": generator, "width": 4},
        discriminator=discriminator, loss=loss, penalties=[penalty] if penalty else [], schedule=schedule,
        train={"batch_size": 2, "device": "cpu"},
    )
    run.check()
    run.assemble().match.step()
    count += 1
assert count == 3 * 2 * 4 * 2, count
"""
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    call(sys.executable, "script.py", folder=tmp_path, path=site)


def test_the_commands_shown_exist(tmp_path: Path) -> None:
    shown = set(re.findall(r"^\$ ganreg (\w+)", README, re.MULTILINE))
    assert shown >= {"run", "list", "show", "check", "resume", "sample", "diff", "new", "plugins"}
    listed = ganreg("--help", folder=tmp_path)
    assert all(re.search(rf"^  {name} ", listed, re.MULTILINE) for name in shown)
