"""Reading files and mappings: positions, limits, and `extends`."""

import math
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from ganreg.errors import Mistake, SpecError
from ganreg.spec.document import Document, from_mapping, read


@pytest.fixture
def spec(tmp_path, monkeypatch):
    """Read a text as `spec.yaml` of an empty folder."""
    monkeypatch.chdir(tmp_path)

    def from_text(text: str | bytes) -> Document:
        Path("spec.yaml").write_bytes(text.encode() if isinstance(text, str) else text)
        return read("spec.yaml")

    return from_text


def mistakes(function, *arguments) -> tuple[Mistake, ...]:
    with pytest.raises(SpecError) as caught:
        function(*arguments)
    assert caught.value.mistakes
    assert "\x1b" not in str(caught.value)
    return caught.value.mistakes


def place(mistake: Mistake) -> tuple[int, int]:
    assert mistake.position is not None
    return mistake.position.line, mistake.position.column


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
        ("generator", "name", "width"): ((2, 19), (2, 13)),
    }
    for path, (value, key) in places.items():
        for wanted, position in ((value, document.locate(path)), (key, document.locate(path, key=True))):
            assert position is not None
            assert (position.source, position.line, position.column) == ("spec.yaml", *wanted), path
            assert position.text == SPEC.splitlines()[position.line - 1]


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_other_line_endings_and_a_byte_order_mark(spec, ending):
    document = spec("\ufeff" + SPEC.replace("\n", ending))
    assert document.data == spec(SPEC).data
    position = document.locate(("penalties", 1, "weight"))
    assert position is not None
    assert (position.line, position.column, position.text) == (8, 13, "    weight: 10")
    assert str(document.locate(())) == "spec.yaml:2:1"


def test_columns_count_characters(spec):
    position = spec("{'größe 🙂': 1, 中: {b: 2}}").locate(("中", "b"))
    assert position is not None
    assert position.column == 23


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *[("null", None), ("~", None), ("", None), ("Null", None), ("nULL", "nULL")],
        *[("true", True), ("FALSE", False), ("yes", "yes"), ("on", "on"), ("off", "off"), ("No", "No"), ("y", "y")],
        *[("0", 0), ("-17", -17), ("+3", 3), ("007", 7), ("0o17", 15), ("0xFf", 255), ("0b1", "0b1")],
        *[("1_000", "1_000"), ("1:30", "1:30"), ("2024-01-31", "2024-01-31"), ("2024-01-31T10:00:00Z",) * 2],
        *[("2e-4", 2e-4), ("1.", 1.0), (".5", 0.5), ("-1.5E+3", -1500.0), ("1e3", 1000.0), (".", "."), ("1e", "1e")],
        *[(".inf", math.inf), ("-.INF", -math.inf), ("+.Inf", math.inf), (".nan", math.nan), ("nan", "nan")],
        *[("9223372036854775807", 2**63 - 1), ("18446744073709551615", 2**64 - 1), ("-9223372036854775808", -(2**63))],
        *[("'1'", "1"), ('"true"', "true"), ("'~'", "~"), ("'it''s'", "it's"), (r'"a\tb\u00e9\x41"', "a\tbéA")],
        *[("a # comment", "a"), ("a#b", "a#b"), ("http://x:80/", "http://x:80/"), ("=", "="), ("'<<'", "<<")],
        *[
            ("&x 5", 5),
            ("|\n  a\n  b", "a\nb\n"),
            (">-\n  a\n  b", "a b"),
            ("[]", []),
            ("{}", {}),
            ("{b}", {"b": None}),
        ],
        *[("\n- 1\n- - 2", [1, [2]]), ("[a, b: c]", ["a", {"b": "c"}]), ("? b\n", None)],
    ],
)
def test_the_core_schema(spec, written, value):
    if written.startswith("?"):
        assert spec(written).data == {"b": None}
        return
    [read_back] = spec(f"a: {written}\n").data.values()
    assert type(read_back) is type(value)
    assert read_back == value or (math.isnan(read_back) and math.isnan(value))


TAGS = "a spec has no tags: put a value that begins with '!' in quotes"
TABS = "a tab indents this line: use spaces"
UNFIT = "this does not fit the lines above: check indentation and quotes"
COLON = "a ':' cannot stand here: check the indentation, or put text that holds ': ' in quotes"


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "there is nothing in this file"),
        ("# only words\n\n", 1, 1, "there is nothing in this file"),
        ("---\n...\n", 1, 1, "there is nothing in this file"),
        ("null", 1, 1, "a spec is a mapping, lines of 'key: value', not null"),
        ("\n- a\n", 2, 1, "a spec is a mapping, lines of 'key: value', not a list"),
        ("words", 1, 1, "a spec is a mapping, lines of 'key: value', not text"),
        ("# 12\n12", 2, 1, "a spec is a mapping, lines of 'key: value', not the number 12"),
        # syntax
        ("a:\n\tb: 1", 2, 1, TABS),
        ("a:\n  b: 1\n  \tc: 1", 3, 3, TABS),
        ("a: 1\n\t", 2, 1, TABS),
        ("a: |\n\tx", 2, 1, TABS),
        ("a:\t1", 1, 3, "a tab stands here: use spaces"),
        ("a: b: c", 1, 5, COLON),
        ("a: 1\n b: 2", 2, 3, COLON),
        ("a: 1\nb\nc: 2", 2, 1, "a ':' is missing: this line is not 'key: value'"),
        ("a: - b", 1, 4, "a list item cannot begin here: put '- ' on a line of its own"),
        ("a:\n    b: 1\n  c: 2", 3, 3, UNFIT),
        ("a: 1\n- b", 2, 1, UNFIT),
        ("a: 'b' c", 1, 8, UNFIT),
        ("a: {b: 1}}", 1, 10, UNFIT),
        ("a:\n  - [1, 2\n", 2, 5, "this bracket is never closed"),
        ("a: [1, 2}", 1, 9, "expected ',' or ']' here"),
        ("a: {b: [1] c}", 1, 12, "expected ',' or '}' here"),
        ("a: 'b\nc: d\n", 1, 4, "this quote is never closed"),
        ('a: "b\nc: d\n', 1, 4, "this quote is never closed"),
        ('a: "b\n---\nc"', 1, 4, "this quote is never closed"),
        ('a: "\\', 1, 6, "this is not YAML: found unknown escape character the end"),
        ("a: |b", 1, 5, "the text of a '|' or '>' block begins on the next line"),
        ("a: >2 b", 1, 7, "the text of a '|' or '>' block begins on the next line"),
        ("a: ]", 1, 4, "a value is missing here"),
        ("a: @b", 1, 4, "a value cannot begin with '@': put it in quotes"),
        (r'a: "C:\pics"', 1, 8, r"'\p' means nothing in double quotes: use single quotes"),
        ("'a': 1\n... b", 2, 5, "this is not YAML: found non-comment content after document end marker, '<scalar>'"),
        ("a: &", 1, 5, "this is not YAML: expected alphabetic or numeric character, but found the end"),
        ("{a: 1} b", 1, 8, "this cannot follow what stands before it"),
        ('a: "\\UFFFFFFFF"', 1, 2, "this cannot be read as YAML (OverflowError)"),
        ("a: 1\n---\nb: 2", 2, 1, "a second document begins here: a spec is one"),
        ("a: 1\n...\nb: 2", 3, 1, "a second document begins here: a spec is one"),
        ("%YAML 1.1\n---\na: on", 1, 1, "a spec is YAML 1.2: leave this directive out"),
        # what YAML has and a spec has not
        ("a: !!python/object:os.system x", 1, 4, TAGS),
        ("a:\n- !foo {b: 1}", 2, 3, TAGS),
        ("!!map {a: 1}", 1, 1, TAGS),
        ("!x a: 1", 1, 1, TAGS),
        ("a: !b|c", 1, 4, TAGS),
        ("a: !<b", 1, 4, TAGS),
        ("a: !", 1, 4, TAGS),
        (
            "b: &b {c: 1}\na:\n  <<: *b",
            3,
            3,
            "a spec has no merge keys: write the keys out, or use 'extends'",
        ),
        ("a: {1: x}", 1, 5, "a key is text, not the number 1: put it in quotes"),
        ("a: {true: x}", 1, 5, "a key is text, not true: put it in quotes"),
        ("a: {~: x}", 1, 5, "a key is text, not null: put it in quotes"),
        (": x", 1, 1, "a key is text, not null: put it in quotes"),
        ("? [a, b]\n: x", 1, 3, "a key is text, not a list"),
        ("{{a: b}: x}", 1, 2, "a key is text, not a mapping"),
        ("a: *b", 1, 4, "no anchor '&b' stands above this alias"),
        ("a: *b\nb: &b 1", 1, 4, "no anchor '&b' stands above this alias"),
        ("a: &a {b: [*a]}", 1, 12, "'*a' stands inside what it stands for"),
        ("a: 18446744073709551616", 1, 4, "this integer does not fit into 64 bits"),
        ("a: -9223372036854775809", 1, 4, "this integer does not fit into 64 bits"),
        ("a: 0x" + "f" * 10_000, 1, 4, "this integer does not fit into 64 bits"),
        ("a: " + "9" * 10_000, 1, 4, "this integer does not fit into 64 bits"),
        ("a:\n  b: \x1b[31m", 2, 6, "the character U+001B cannot stand in a spec"),
        ("a: b\x00", 1, 5, "the character U+0000 cannot stand in a spec"),
        ("a: b\u2028c: d", 1, 5, "the character U+2028 cannot stand in a spec"),
        (r'a: "\x1b[31m"', 1, 4, "the character U+001B cannot stand in a spec"),
        (r'a: "\N"', 1, 4, "the character U+0085 cannot stand in a spec"),
        (r'"\0": b', 1, 1, "the character U+0000 cannot stand in a spec"),
        (r'a: "\ud800"', 1, 4, "the character U+D800 cannot stand in a spec"),
    ],
)
def test_a_mistake_and_its_place(spec, text, line, column, message):
    [mistake] = mistakes(spec, text)
    assert (mistake.message, place(mistake)) == (message, (line, column))


def test_duplicate_keys_are_all_reported_with_both_places(spec):
    found = mistakes(spec, "a: 1\nb: {c: 1, c: 2}\n'a': {a: 1}\n")
    assert [(m.message, m.path, place(m)) for m in found] == [
        ("the key 'c' is given twice", ("b", "c"), (2, 11)),
        ("the key 'a' is given twice", ("a",), (3, 1)),
    ]
    assert [str(position) for m in found for _, position in m.related] == ["spec.yaml:2:5", "spec.yaml:1:1"]


def test_all_mistakes_come_in_the_order_of_the_file(spec):
    found = mistakes(spec, "a: 1\nb: !x {1: y, a: &z [*z]}\nc: 99999999999999999999\na: 2\nd: [")
    assert [place(m) for m in found] == [(2, 4), (2, 8), (2, 21), (3, 4), (4, 1), (5, 5)]


def test_no_more_than_twenty_mistakes_are_listed(spec):
    assert len(mistakes(spec, "a: 1\n" * 1000)) == 20


def test_a_mistake_shows_the_line_with_a_caret(spec):
    with pytest.raises(SpecError) as caught:
        spec("train:\n  steps: 1\n  steps: 2\n")
    assert str(caught.value) == (
        "spec.yaml:3:3: the key 'steps' is given twice\n"
        "    3 |   steps: 2\n"
        "      |   ^\n"
        "spec.yaml:2:3: it is first given here\n"
        "    2 |   steps: 1\n"
        "      |   ^"
    )
    assert caught.value.exit_code == 3


def test_the_opening_place_is_named_too(spec):
    [mistake] = mistakes(spec, "a:\n  - [1, 2}")
    assert [(words, str(position)) for words, position in mistake.related] == [
        ("the list begins here", "spec.yaml:2:5")
    ]


# Files


@pytest.mark.parametrize(
    ("path", "reason"),
    [("no.yaml", "No such file"), (".", "Is a directory"), ("x" * 5000, "too long"), ("a\0b", "null byte")],
)
def test_a_file_that_cannot_be_read(spec, path, reason):
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
def test_a_file_that_is_not_utf8(spec, data, line, column, byte):
    [mistake] = mistakes(spec, data)
    assert mistake.message == f"this byte ({byte}) is not UTF-8: save the file as UTF-8"
    assert place(mistake) == (line, column)


# Limits


def test_size(spec):
    largest = b"a: '" + b"x" * (2**20 - 6) + b"'\n"
    assert len(largest) == 2**20
    assert len(spec(largest).data["a"]) == 2**20 - 6
    [mistake] = mistakes(spec, largest + b"\n")
    assert mistake.message == "spec.yaml is larger than 1 MiB"


@pytest.mark.parametrize("opening", ["[", "{a: ", "[\n", "- ", "? "])
def test_a_hundred_thousand_levels(spec, opening):
    first = "" if opening == "? " else "a:\n "
    levels = 32 if opening == "? " else 31
    [mistake] = mistakes(spec, first + opening * 100_000)
    assert mistake.message == "more than 32 mappings and lists inside each other"
    assert place(mistake) == (
        (levels + 2, 1) if opening == "[\n" else (1 + bool(first), levels * len(opening) + bool(first) + 1)
    )


def test_depth(spec):
    value: object = spec("a: " + "[" * 31 + "x" + "]" * 31).data["a"]
    for _ in range(31):
        assert isinstance(value, list)
        [value] = value
    assert value == "x"
    [mistake] = mistakes(spec, "a: " + "[" * 32 + "x" + "]" * 32)
    assert place(mistake) == (1, 35)
    block = "".join(" " * level + "a:\n" for level in range(33))
    assert place(*mistakes(spec, block)) == (33, 33)


def test_depth_counts_what_aliases_stand_for(spec):
    text = "a: &a " + "[" * 16 + "]" * 16 + "\nb: &b " + "[" * 15 + "*a" + "]" * 15 + "\nc: {0}*b{1}"
    assert spec(text.format("", "")).data["c"] == spec(text.format("", "")).data["b"]
    [mistake] = mistakes(spec, text.format("[", "]"))
    assert mistake.message == "more than 32 mappings and lists inside each other"
    assert place(mistake) == (3, 5)


def test_nodes_count_what_aliases_stand_for(spec):
    thousand = "a: &a [" + "0, " * 999 + "]\n"
    assert len(spec(thousand + "b: [" + "*a, " * 98 + "]").data["b"]) == 98
    [mistake] = mistakes(spec, thousand + "b: [" + "*a, " * 99 + "]")
    assert mistake.message == "more than 100,000 keys and values"
    assert place(mistake) == (2, 5 + 4 * 98)


def test_aliases(spec):
    assert spec("a: &a 1\nb: [" + "*a, " * 100 + "]").data["b"] == [1] * 100
    [mistake] = mistakes(spec, "a: &a 1\nb: [" + "*a, " * 101 + "]")
    assert mistake.message == "more than 100 aliases"
    assert place(mistake) == (2, 405)


def test_a_billion_laughs(spec):
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 9) + "]" for i in range(1, 10)]
    [mistake] = mistakes(spec, "\n".join(lines))
    assert mistake.message == "more than 100,000 keys and values"


def test_an_alias_stands_in_its_own_place_and_what_it_holds_where_it_was_written(spec):
    document = spec("a: &a {b: [1]}\nc: *a\n*a2 : 1\n".replace("*a2 ", "d"))
    assert document.data == {"a": {"b": [1]}, "c": {"b": [1]}, "d": 1}
    assert document.data["a"] is not document.data["c"]
    assert str(document.locate(("c",))) == "spec.yaml:2:4"
    assert str(document.locate(("c", "b", 0))) == "spec.yaml:1:12"


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
def test_what_extends_refuses(folder, tmp_path_factory, value, message):
    folder(top=f"a: 1\nextends: {value}\n")
    Path("link").symlink_to(tmp_path_factory.mktemp("elsewhere"))
    [mistake] = mistakes(read, "top.yaml")
    assert (mistake.message, str(mistake.position)) == (message, f"top.yaml:2:{9 + bool(value)}")


def test_a_mistake_in_the_extended_file_stands_there(folder):
    folder(top="extends: bases/base.yaml", bases__base="a: 1\na: 2")
    assert str(mistakes(read, "top.yaml")[0].position) == "bases/base.yaml:2:1"


def test_files_that_extend_each_other(folder):
    folder(a="extends: b.yaml", b="extends: c.yaml", c="x: 1\nextends: ./b.yaml")
    [mistake] = mistakes(read, "a.yaml")
    assert mistake.message == "these files extend each other: a.yaml → b.yaml → c.yaml → b.yaml"
    assert str(mistake.position) == "c.yaml:2:10"


def test_sixteen_files_are_the_longest_chain(folder):
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


def test_mappings_that_are_no_documents():
    [mistake] = mistakes(from_mapping, {"a": [{"b": 1, 2: 3}]})
    assert (mistake.message, mistake.path) == ("a key is text, not the number 2", ("a", 0))
    endless: dict[str, object] = {}
    endless["a"] = [endless]
    [mistake] = mistakes(from_mapping, endless)
    assert mistake.message == "more than 32 mappings and lists inside each other"


def test_a_document_is_read_without_its_parser_being_imported_ahead():
    code = "import ganreg.spec.document, sys; sys.exit(any(m.startswith('ruamel') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Any input

characters = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufffe\uffff")
# In flow style ruamel.yaml writes ':0' and '?0' without quotes, and cannot read them back.
words = st.text(characters | st.sampled_from("\t\n\r")).filter(lambda word: not word.startswith((":", "?")))
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False)
anything = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=20,
)


def dump(data: object, flow: bool | None) -> str:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = flow
    yaml.width = 10**6
    stream = StringIO()
    yaml.dump(data, stream)
    return stream.getvalue()


def read_text(text: str | bytes, folder: Path) -> Document:
    path = folder / "any.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    return read(path)


@pytest.fixture(scope="module")
def place_for_any(tmp_path_factory):
    return tmp_path_factory.mktemp("any")


@given(data=st.dictionaries(words, anything, max_size=4), flow=st.sampled_from([True, False, None]))
def test_what_is_dumped_reads_back(place_for_any, data, flow):
    assert read_text(dump({"x": data}, flow), place_for_any).data == {"x": data}


@given(text=st.text() | st.text(st.sampled_from("ab1 \t\n\r:-?,[]{}#&*!|>'\"%@`~<=.\\")) | st.binary(max_size=30))
def test_any_text_is_read_or_refused(place_for_any, text):
    try:
        assert isinstance(read_text(text, place_for_any).data, dict)
    except SpecError as error:
        found = error.mistakes
    else:
        return
    assert found
    assert all(mistake.position and str(mistake) for mistake in found)


shapes = st.recursive(
    st.none(),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda s: ("list", s)) | st.lists(inner, max_size=4).map(lambda s: ("map", s))
    ),
    max_leaves=25,
)


def numbered(shape, count):
    """The shape with a number of its own in every leaf and key."""
    if shape is None:
        return next(count)
    kind, items = shape
    return (
        [numbered(s, count) for s in items]
        if kind == "list"
        else {f"k{next(count)}": numbered(s, count) for s in items}
    )


@given(shapes, st.sampled_from([True, False, None]), st.sampled_from(["\n", "\r\n"]))
def test_every_place_points_at_what_stands_there(place_for_any, shape, flow, ending):
    text = dump({"top": numbered(shape, iter(range(10_000, 20_000)))}, flow).replace("\n", ending)
    document = read_text(text, place_for_any)
    lines = text.split(ending)

    def text_at(path, key=False):
        position = document.locate(path, key=key)
        assert position is not None
        assert position.text == lines[position.line - 1]
        return position.text[position.column - 1 :]

    def check(value, path):
        written = text_at(path)
        if isinstance(value, dict):
            assert written.startswith(("{", next(iter(value), "{")))
        else:
            assert written.startswith(("[", "-") if isinstance(value, list) else str(value))
        if path and isinstance(path[-1], str):
            assert text_at(path, key=True).startswith(path[-1])
        for part, inner in (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        ):
            check(inner, (*path, part))

    check(document.data, ())
