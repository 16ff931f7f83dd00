"""YAML: the core schema, every mistake with its place, the limits, and any input at all."""

import math
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from ganreg.errors import SpecError
from ganreg.spec.document import Document, read


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
        ("''", 1, 1, "a spec is a mapping, lines of 'key: value', not text"),
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
        ("a:\n  b: \x1b[31m", 2, 6, "the character U+001B cannot stand in a spec"),
        ("a: b\x00", 1, 5, "the character U+0000 cannot stand in a spec"),
        ("a: b\u2028c: d", 1, 5, "the character U+2028 cannot stand in a spec"),
        (r'a: "\x1b[31m"', 1, 4, "the character U+001B cannot stand in a spec"),
        (r'a: "\N"', 1, 4, "the character U+0085 cannot stand in a spec"),
        (r'"\0": b', 1, 1, "the character U+0000 cannot stand in a spec"),
        (r'a: "\ud800"', 1, 4, "the character U+D800 cannot stand in a spec"),
    ],
)
def test_a_mistake_and_its_place(spec, mistakes, place, text, line, column, message):
    [mistake] = mistakes(spec, text)
    assert (mistake.message, place(mistake)) == (message, (line, column))


def test_a_value_that_is_left_out_stands_behind_its_key(spec):
    document = spec("a:\nb: {c: , d: 1}\ne:  # nothing\n\nf:\n  g:\n")
    for path, line, column in [("a", 1, 3), ("b.c", 2, 7), ("e", 3, 3), ("f.g", 6, 5)]:
        node = document.root
        for key in path.split("."):
            node = node.child(key)
        assert node.content is None
        assert (node.position.line, node.position.column) == (line, column)


def test_duplicate_keys_are_all_reported_with_both_places(spec, mistakes, place):
    found = mistakes(spec, "a: 1\nb: {c: 1, c: 2}\n'a': {a: 1}\n")
    assert [(m.message, m.path, place(m)) for m in found] == [
        ("the key 'c' is given twice", ("b", "c"), (2, 11)),
        ("the key 'a' is given twice", ("a",), (3, 1)),
    ]
    assert [str(position) for m in found for _, position in m.related] == ["spec.yaml:2:5", "spec.yaml:1:1"]


def test_all_mistakes_come_in_the_order_of_the_file(spec, mistakes, place):
    found = mistakes(spec, "a: 1\nb: !x {1: y, a: &z [*z]}\na: 2\nd: [")
    assert [place(m) for m in found] == [(2, 4), (2, 8), (2, 21), (3, 1), (4, 5)]


def test_a_mistake_found_later_may_stand_earlier(spec, mistakes, place):
    assert [place(m) for m in mistakes(spec, "a: 1\na: {1: 2}")] == [(2, 1), (2, 5)]


def test_no_more_than_twenty_mistakes_are_listed(spec, mistakes):
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


def test_the_opening_place_is_named_too(spec, mistakes):
    [mistake] = mistakes(spec, "a:\n  - [1, 2}")
    assert [(words, str(position)) for words, position in mistake.related] == [
        ("the list begins here", "spec.yaml:2:5")
    ]


def test_no_opening_place_is_named_where_it_is_the_same(spec, mistakes):
    [mistake] = mistakes(spec, "a: ]")
    assert not mistake.related


# Limits


def test_size(spec, mistakes):
    largest = b"a: '" + b"x" * (2**19 - 6) + b"'\n"
    assert len(largest) == 2**19
    assert len(spec(largest).data["a"]) == 2**19 - 6
    [mistake] = mistakes(spec, largest + b"\n")
    assert mistake.message == "spec.yaml is larger than 512 KiB"


def test_an_endless_file_is_read_no_further_than_its_limit(mistakes):
    [mistake] = mistakes(read, "/dev/zero")
    assert mistake.message == "/dev/zero is larger than 512 KiB"


@pytest.mark.parametrize("opening", ["[", "{a: ", "[\n", "- ", "? "])
def test_a_hundred_thousand_levels(spec, mistakes, place, opening):
    first = "" if opening == "? " else "a:\n "
    levels = 32 if opening == "? " else 31
    [mistake] = mistakes(spec, first + opening * 100_000)
    assert mistake.message == "more than 32 mappings and lists inside each other"
    assert place(mistake) == (
        (levels + 2, 1) if opening == "[\n" else (1 + bool(first), levels * len(opening) + bool(first) + 1)
    )


def test_depth(spec, mistakes, place):
    value: object = spec("a: " + "[" * 31 + "x" + "]" * 31).data["a"]
    for _ in range(31):
        assert isinstance(value, list)
        [value] = value
    assert value == "x"
    [mistake] = mistakes(spec, "a: " + "[" * 32 + "x" + "]" * 32)
    assert place(mistake) == (1, 35)
    block = "".join(" " * level + "a:\n" for level in range(33))
    assert place(*mistakes(spec, block)) == (33, 33)


def test_depth_counts_what_aliases_stand_for(spec, mistakes, place):
    text = "a: &a " + "[" * 16 + "]" * 16 + "\nb: &b " + "[" * 15 + "*a" + "]" * 15 + "\nc: {0}*b{1}"
    assert spec(text.format("", "")).data["c"] == spec(text.format("", "")).data["b"]
    [mistake] = mistakes(spec, text.format("[", "]"))
    assert mistake.message == "more than 32 mappings and lists inside each other"
    assert place(mistake) == (3, 5)


def test_an_anchor_inside_an_anchor_hides_no_depth(spec, mistakes, place):
    anchored = "a: &a [" + "[" * 15 + "]" * 15 + ", &b 1]\n"
    assert spec(anchored + "b: " + "[" * 15 + "*a" + "]" * 15)
    [mistake] = mistakes(spec, anchored + "b: " + "[" * 16 + "*a" + "]" * 16)
    assert place(mistake) == (2, 20)


def test_nodes_count_what_aliases_stand_for(spec, mistakes, place):
    hundred = "a: &a [" + "0, " * 99 + "]\n"
    assert len(spec(hundred + "b: [" + "*a, " * 98 + "]").data["b"]) == 98
    [mistake] = mistakes(spec, hundred + "b: [" + "*a, " * 99 + "]")
    assert mistake.message == "more than 10,000 keys and values"
    assert place(mistake) == (2, 5 + 4 * 98)


def test_aliases(spec, mistakes, place):
    assert spec("a: &a 1\nb: [" + "*a, " * 100 + "]").data["b"] == [1] * 100
    [mistake] = mistakes(spec, "a: &a 1\nb: [" + "*a, " * 101 + "]")
    assert mistake.message == "more than 100 aliases"
    assert place(mistake) == (2, 405)


def test_a_billion_laughs(spec, mistakes):
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 9) + "]" for i in range(1, 10)]
    [mistake] = mistakes(spec, "\n".join(lines))
    assert mistake.message == "more than 10,000 keys and values"


def test_an_alias_stands_in_its_own_place_and_what_it_holds_where_it_was_written(spec):
    document = spec("a: &a {b: [1]}\nc: *a\n*a2 : 1\n".replace("*a2 ", "d"))
    assert document.data == {"a": {"b": [1]}, "c": {"b": [1]}, "d": 1}
    assert document.data["a"] is not document.data["c"]
    assert str(document.locate(("c",))) == "spec.yaml:2:4"
    assert str(document.locate(("c", "b", 0))) == "spec.yaml:1:12"


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
