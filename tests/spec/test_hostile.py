"""Hostile specs: nothing is executed, nothing grows, and each is refused in its place; and what fuzzing has found."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ganreg.cli import main

MEGABYTES = 200
LONG = 300_000
"""Characters: far more than any limit needs, and read in a moment."""
PARTS = "generator: dcgan\ndiscriminator: dcgan\nloss: hinge\n"
WHOLE = f"data: fashion-mnist-10k\n{PARTS}"
LAUGHS = "\n".join(f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}" if i else "lol"] * 9) + "]" for i in range(10))
HOSTILE = {
    "tag": "a: !!python/object/apply:os.system [touch executed]",
    "tag of a module": "a: !!python/module:executed",
    "tag in a key": "!!python/name:os.system : 1",
    "laughs": LAUGHS,
    "aliases": "a: &a 1\nb: [" + "*a, " * (LONG // 4) + "]",
    "quadratic aliases": "a: &a '" + "x" * 100_000 + "'\nb: [" + "*a, " * (LONG // 4) + "]",
    "loop": "a: &a {b: *a}",
    "merge loop": "a: &a {<<: *a}",
    "merge loop of two": "a: &a {<<: &b {<<: *a}}\nc: {<<: [*a, *b]}",
    "lists inside lists": "a: " + "[" * 100_000,
    "mappings inside mappings": "a: " + "{a: " * 100_000,
    "block lists": "- " * 100_000,
    "indentation": "\n".join(" " * level + "a:" for level in range(900)),
    "questions": "? " * 100_000,
    "integer": "a: " + "9" * LONG,
    "hexadecimal": "a: 0x" + "f" * LONG,
    "exponent": "seed: 1e999999999",
    "endless steps": WHOLE + "schedule: {name: alternating, discriminator_steps: 100000000000000}",
    "endless latent": WHOLE + "latent: 1000000000000000000",
    "endless grid": WHOLE + "output: {samples: 1000000000000}",
    "long list": "a: [" + "0," * (LONG // 2) + "]",
    "long block list": "a:\n" + "- 0\n" * (LONG // 4),
    "many keys": "\n".join(f"k{number}: 0" for number in range(LONG // 10)),
    "one key twice and more": "a: 1\n" * (LONG // 4),
    "long name": PARTS.replace("hinge", "h" * LONG),
    "long key": PARTS + "k" * LONG + ": 1",
    "long line of text": "a: '" + "x" * LONG,
    "name with dots": PARTS.replace("hinge", "../../executed"),
    "absolute name": PARTS.replace("hinge", "/bin/sh"),
    "import path": PARTS.replace("hinge", "os:system"),
    "dotted path": PARTS.replace("hinge", "{name: os.system, command: touch executed}"),
    "escape": PARTS.replace("hinge", "\x1b]0;owned\x07"),
    "written escape": PARTS.replace("hinge", '"\\x1b[2Jowned"'),
    "carriage": PARTS.replace("hinge", '"\\r\\n\\tok"'),
    "null character": "a: \x00",
    "written surrogate": 'a: "\\ud800"',
    "too large an escape": 'a: "\\UFFFFFFFF"',
    "right to left": PARTS.replace("hinge", "\u202eegnih"),
    "extends above": "extends: ../../etc/passwd",
    "extends absolute": "extends: /etc/passwd",
    "extends windows": "extends: 'C:\\Windows\\win.ini'",
    "extends itself": "extends: spec.yaml",
    "extends a link that leads out": "extends: link.yaml",
    "extends a pipe": "extends: pipe.yaml",
    "extends a folder": "extends: .",
    "extends null character": 'extends: "a\\0b"',
    "directive": "%TAG ! tag:yaml.org,2002:python/\n---\na: !object:os.system x",
    "colons": ":" * LONG,
    "quotes": "'" * (LONG - 1),
    "anchors": "".join(f"&a{number} " for number in range(LONG // 10)),
    "comments and nothing": "#" * LONG,
}
PLACE = r"spec\.yaml:\d+:\d+: "
EACH = """
import io, json, pathlib, sys
from contextlib import redirect_stderr
from ganreg.cli import main

for name, text in json.loads(pathlib.Path("hostile.json").read_text()).items():
    pathlib.Path("spec.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    with redirect_stderr(io.StringIO()) as said:
        code = main(["check", "spec.yaml"])
    print(json.dumps([name, code, said.getvalue()]))
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps(["peak", int(peak.split()[1]) // 1024, str("torch" in sys.modules)]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
def test_a_hostile_spec_is_refused_in_its_place_and_takes_no_memory(tmp_path: Path) -> None:
    folder = tmp_path / "specs"
    folder.mkdir()
    (tmp_path / "out.yaml").write_text("loss: hinge")
    (folder / "link.yaml").symlink_to(tmp_path / "out.yaml")
    os.mkfifo(folder / "pipe.yaml")
    (folder / "hostile.json").write_text(json.dumps(HOSTILE))
    done = subprocess.run([sys.executable, "-c", EACH], cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    *answers, (_, peak, torch) = map(json.loads, done.stdout.splitlines())
    assert [name for name, _, _ in answers] == list(HOSTILE)
    for name, code, said in answers:
        assert code == 3, (name, said[:1000])
        assert re.match(PLACE, said), (name, said[:1000])
        assert all(c.isprintable() or c == "\n" for c in said), name
        assert len(said) < 10_000, (name, len(said))
    assert peak < MEGABYTES
    assert torch == "False"
    assert not list(tmp_path.rglob("executed*"))


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("x" * 5_000)
names = (
    st.sampled_from(["name", "dcgan", "adam", "classic/hinge", "widths", "width", "lr", "size", "steps"]) | st.text()
)
values = st.recursive(
    scalars | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
KEYS = (
    *("seed", "data", "generator", "discriminator", "encoder", "latent", "conditional", "game", "loss", "penalties"),
    *("augment", "schedule", "optimizers", "ema", "train", "metrics", "observers", "output", "extends", "name"),
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(KEYS), values, max_size=3))
@example({"optimizers": {"discriminator": {"n=ame": "adam"}}})
@example({"schedule": {"discriminator_stepz": 2}})
@example({"game": {"x": 1}})
@example({"loss": "h" * 5_000})
def test_any_values_are_accepted_or_refused_in_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], changes: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = {"generator": "mlp", "discriminator": "mlp", "loss": "hinge", "data": "fashion-mnist-10k", **changes}
    # JSON is YAML, but for how it writes what is not finite.
    written = json.dumps(spec).replace("Infinity", ".inf").replace("NaN", ".nan")
    Path("spec.yaml").write_text(written, encoding="utf-8")
    code = main(["check", "spec.yaml"])
    said = capsys.readouterr().err
    assert code == 0 or (code == 3 and re.match(PLACE, said)), said
    assert "internal error" not in said


@pytest.mark.needs("ganreg-classic")
def test_a_name_that_is_left_out_is_the_defaults_where_a_key_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    written = PARTS + "data: fashion-mnist-10k\nschedule: {discriminator_stepz: 2}\noptimizers: {generator: {lrr: 1}}\n"
    Path("spec.yaml").write_text(written)
    assert main(["check", "spec.yaml"]) == 3
    said = capsys.readouterr().err
    assert "did you mean 'discriminator_steps'?" in said
    assert "did you mean 'lr'?" in said
