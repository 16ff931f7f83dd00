"""Reading files and mappings: positions, limits, and `extends`."""

import subprocess
import sys
from pathlib import Path

import pytest

from ganreg.spec.document import from_mapping, read

SPEC = """\
# a run
generator: {name: dcgan, width: 64}
train:
  steps: 200
penalties:
- r1
-   name: gp
    weight: 10
note: >
  long
seed:
"""


def test_values_keys_and_their_places(spec):
    document = spec(SPEC)
    assert document.data == {
        "generator": {"name": "dcgan", "width": 64},
        "train": {"steps": 200},
        "penalties": ["r1", {"name": "gp", "weight": 10}],
        "note": "long\n",
        "seed": None,
    }
    places = {
        (): ((2, 1), (2, 1)),
        ("generator",): ((2, 12), (2, 1)),
        ("generator", "width"): ((2, 33), (2, 26)),
        ("train",): ((4, 3), (3, 1)),
        ("train", "steps"): ((4, 10), (4, 3)),
        ("penalties",): ((6, 1), (5, 1)),
        ("penalties", 0): ((6, 3), (6, 3)),
        ("penalties", 1): ((7, 5), (7, 5)),
        ("penalties", 1, "weight"): ((8, 13), (8, 5)),
        ("note",): ((9, 7), (9, 1)),
        ("seed",): ((11, 6), (11, 1)),
        # what is not there stands where the deepest value above it does
        ("train", "step"): ((4, 3), (3, 1)),
        ("penalties", 2, "name"): ((6, 1), (5, 1)),
        ("penalties", "0"): ((6, 1), (5, 1)),
        ("penalties", -1): ((6, 1), (5, 1)),
        ("generator", "name", "width"): ((2, 19), (2, 13)),
    }
    for path, (value, key) in places.items():
        for wanted, position in ((value, document.locate(path)), (key, document.locate(path, key=True))):
            assert position is not None
            assert (position.source, position.line, position.column) == ("spec.yaml", *wanted), path
            assert position.text == SPEC.splitlines()[position.line - 1]


def test_places_in_one_line_share_its_text(spec):
    document = spec("{a: 1, b: 2}")
    first, second = document.locate(("a",)), document.locate(("b",))
    assert first is not None
    assert second is not None
    assert first.text is second.text


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_other_line_endings_and_a_byte_order_mark(spec, ending):
    document = spec("\ufeff" + SPEC.replace("\n", ending))
    assert document.data == spec(SPEC).data
    position = document.locate(("penalties", 1, "weight"))
    assert position is not None
    assert (position.line, position.column, position.text) == (8, 13, "    weight: 10")
    assert str(document.locate(())) == "spec.yaml:2:1"
    first = spec("\ufeffa: 1").locate(("a",))
    assert first is not None
    assert (first.column, first.text) == (4, "a: 1")


def test_columns_count_characters(spec):
    position = spec("{'größe 🙂': 1, 中: {b: 2}}").locate(("中", "b"))
    assert position is not None
    assert position.column == 23


# Files


@pytest.mark.parametrize(
    ("path", "reason"),
    [("no.yaml", "No such file"), (".", "Is a directory"), ("x" * 5000, "too long"), ("a\0b", "null byte")],
)
def test_a_file_that_cannot_be_read(spec, mistakes, path, reason):
    [mistake] = mistakes(read, path)
    assert mistake.message.startswith("cannot read ")
    assert reason in mistake.message
    assert mistake.position is None


@pytest.mark.parametrize(
    ("data", "line", "column", "byte"),
    [
        (b"a: 1\nb: \xff\n", 2, 4, "0xFF"),
        (b"\xef\xbb\xbfa: 1\r\n\xc3\xa9: \xc3", 2, 4, "0xC3"),
        ("a: 1".encode("utf-16"), 1, 1, "0xFF"),
        (b"\xed\xa0\x80", 1, 1, "0xED"),
    ],
)
def test_a_file_that_is_not_utf8(spec, mistakes, place, data, line, column, byte):
    [mistake] = mistakes(spec, data)
    assert mistake.message == f"this byte ({byte}) is not UTF-8: save the file as UTF-8"
    assert place(mistake) == (line, column)


# extends


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Write files into an empty folder and go there."""
    monkeypatch.chdir(tmp_path)

    def write(**files: str) -> Path:
        for name, text in files.items():
            path = Path(name.replace("__", "/") + ".yaml")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def test_extends_lays_a_file_over_another(folder):
    folder(
        top="train:\n  steps: 5\nextends: bases/middle.yaml\n",
        bases__middle="extends: bottom.yaml\ntrain: {batch_size: 8}\n",
        bases__bottom="seed: 1\ntrain: {steps: 1, device: cpu}\n",
    )
    document = read(Path("top.yaml"))
    assert document.data == {"seed": 1, "train": {"steps": 5, "device": "cpu", "batch_size": 8}}
    places = {path[-1]: str(document.locate(path)) for path in [("seed",), ("train", "steps"), ("train", "batch_size")]}
    assert places == {
        "seed": "bases/bottom.yaml:1:7",
        "steps": "top.yaml:2:10",
        "batch_size": "bases/middle.yaml:2:21",
    }


def test_extends_is_relative_to_the_file(folder, tmp_path):
    folder(bases__top="extends: bottom.yaml", bases__bottom="a: 1")
    assert read(tmp_path / "bases" / "top.yaml").data == {"a": 1}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("3", "'extends' names a file, not the number 3"),
        ("", "'extends' names a file, not nothing"),
        ("''", "'extends' names a file, not nothing"),
        ("[a.yaml, b.yaml]", "'extends' names a file, not a list"),
        ("no.yaml", "cannot read no.yaml: No such file or directory"),
        (".", "cannot read .: Is a directory"),
        *[
            (name, f"'{name}' lies outside the folder of this file: 'extends' stays in that folder or below it")
            for name in ("/etc/passwd", "../a.yaml", "b/../a.yaml", "..", r"C:\a.yaml", r"b\..\..\a", "link/a.yaml")
        ],
    ],
)
def test_what_extends_refuses(folder, mistakes, tmp_path_factory, value, message):
    folder(top=f"a: 1\nextends: {value}\n")
    Path("link").symlink_to(tmp_path_factory.mktemp("elsewhere"))
    [mistake] = mistakes(read, "top.yaml")
    assert (mistake.message, str(mistake.position)) == (message, f"top.yaml:2:{9 + bool(value)}")


def test_a_mistake_in_the_extended_file_stands_there(folder, mistakes):
    folder(top="extends: bases/base.yaml", bases__base="a: 1\na: 2")
    assert str(mistakes(read, "top.yaml")[0].position) == "bases/base.yaml:2:1"


def test_files_that_extend_each_other(folder, mistakes):
    folder(a="extends: b.yaml", b="extends: c.yaml", c="x: 1\nextends: ./b.yaml")
    [mistake] = mistakes(read, "a.yaml")
    assert mistake.message == "these files extend each other: a.yaml → b.yaml → c.yaml → b.yaml"
    assert str(mistake.position) == "c.yaml:2:10"


def test_sixteen_files_are_the_longest_chain(folder, mistakes):
    chain = {f"f{i}": f"extends: f{i + 1}.yaml\nk{i}: {i}" for i in range(16)}
    folder(**chain, f16="k16: 16")
    assert list(read("f1.yaml").data.values()) == list(range(16, 0, -1))
    [mistake] = mistakes(read, "f0.yaml")
    assert mistake.message == "more than 16 files extend each other"
    assert str(mistake.position) == "f15.yaml:1:10"


# Python


def test_a_mapping_keeps_objects_and_has_no_places():
    thing = object()
    document = from_mapping({"generator": thing, "betas": (0.5, 0.9), "train": {"steps": 2}})
    assert document.data == {"generator": thing, "betas": [0.5, 0.9], "train": {"steps": 2}}
    assert document.locate(("train", "steps")) is None
    assert document.locate(("train", "steps"), key=True) is None


def test_a_value_from_python_is_not_said_to_stand_in_the_file(spec):
    document = spec("train: {steps: 1}").merge(from_mapping({"train": {"steps": 2, "seed": 3}}))
    assert document.data == {"train": {"steps": 2, "seed": 3}}
    assert document.locate(("train", "steps")) is None
    assert str(document.locate(("train",))) == "spec.yaml:1:8"


def test_mappings_that_are_no_documents(mistakes):
    [mistake] = mistakes(from_mapping, {"a": [{"b": 1, 2: 3}]})
    assert (mistake.message, mistake.path) == ("a key is text, not the number 2", ("a", 0))
    endless: dict[str, object] = {}
    endless["a"] = [endless]
    [mistake] = mistakes(from_mapping, endless)
    assert mistake.message == "more than 32 mappings and lists inside each other"


def test_a_document_is_read_without_its_parser_being_imported_ahead():
    code = "import ganreg.spec.document, sys; sys.exit(any(m.startswith('ruamel') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
