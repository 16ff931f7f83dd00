"""Documents laid over each other, and settings of the command line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganreg.errors import SpecError
from ganreg.spec.document import from_mapping


@pytest.mark.parametrize(
    ("base", "over", "merged"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": 1}, {}, {"a": 1}),
        ({}, {"a": 1}, {"a": 1}),
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": [1, 2, 3]}, {"a": [4]}, {"a": [4]}),
        ({"t": {"a": 1, "b": {"c": 2}}}, {"t": {"b": {"d": 3}}}, {"t": {"a": 1, "b": {"c": 2, "d": 3}}}),
        # null, scalars and lists replace
        ({"a": {"b": 1}}, {"a": None}, {"a": None}),
        ({"a": {"b": 1}}, {"a": 1}, {"a": 1}),
        ({"a": {"b": 1}}, {"a": [1]}, {"a": [1]}),
        ({"a": {"name": "x", "w": 1}}, {"a": "x"}, {"a": "x"}),
        ({"a": {"name": "x", "w": 1}}, {"a": "y"}, {"a": "y"}),
        # a mapping over what is none
        ({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": None}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": [1]}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        # names
        ({"g": "x"}, {"g": {"w": 1}}, {"g": {"name": "x", "w": 1}}),
        ({"g": "x"}, {"g": {"name": "x", "w": 1}}, {"g": {"name": "x", "w": 1}}),
        ({"g": "x"}, {"g": {"name": "y", "w": 1}}, {"g": {"name": "y", "w": 1}}),
        ({"g": {"name": "x", "v": 1}}, {"g": {"w": 1}}, {"g": {"name": "x", "v": 1, "w": 1}}),
        ({"g": {"name": "x", "v": 1}}, {"g": {"name": "x", "w": 1}}, {"g": {"name": "x", "v": 1, "w": 1}}),
        ({"g": {"name": "x", "v": 1}}, {"g": {"name": "y", "w": 1}}, {"g": {"name": "y", "w": 1}}),
        ({"g": {"v": 1}}, {"g": {"name": "y", "w": 1}}, {"g": {"v": 1, "name": "y", "w": 1}}),
        # the document itself is no component
        ({"name": "x", "a": 1}, {"name": "y"}, {"name": "y", "a": 1}),
    ],
)
def test_merge(base, over, merged):
    below, above = from_mapping(base), from_mapping(over)
    assert below.merge(above).data == merged
    assert (below.data, above.data) == (base, over)


def test_places_are_where_a_value_was_written(spec):
    base = spec("g: dcgan\nt:\n  a: 1\n  b: 2\nx: {name: y, z: 1}\n", "base.yaml")
    over = spec("g: {width: 3}\nt:\n  b: 5\nx: {name: z}\n", "over.yaml")
    merged = base.merge(over)
    assert merged.data == {"g": {"name": "dcgan", "width": 3}, "t": {"a": 1, "b": 5}, "x": {"name": "z"}}
    places = {
        ("g",): ("base.yaml:1:4", "base.yaml:1:1"),
        ("g", "name"): ("base.yaml:1:4", "base.yaml:1:4"),
        ("g", "width"): ("over.yaml:1:12", "over.yaml:1:5"),
        ("t",): ("base.yaml:3:3", "base.yaml:2:1"),
        ("t", "a"): ("base.yaml:3:6", "base.yaml:3:3"),
        ("t", "b"): ("over.yaml:3:6", "over.yaml:3:3"),
        ("x",): ("over.yaml:4:4", "over.yaml:4:1"),
        ("x", "name"): ("over.yaml:4:11", "over.yaml:4:5"),
        ("x", "z"): ("over.yaml:4:4", "over.yaml:4:1"),
    }
    found = {path: (str(merged.locate(path)), str(merged.locate(path, key=True))) for path in places}
    assert found == places


BASE = {
    "generator": "dcgan",
    "latent": 128,
    "train": {"steps": 3},
    "penalties": ["r1", {"name": "gp", "weight": 2, "on": [1]}],
    "metrics": [],
    "augment": None,
    "name": "x",
}


@pytest.mark.parametrize(
    ("option", "changed"),
    [
        ("seed=1", {"seed": 1}),
        ("train.steps=200", {"train": {"steps": 200}}),
        ("train.lr=2e-4", {"train": {"steps": 3, "lr": 2e-4}}),
        (" train . steps = 7 ", {"train": {"steps": 7}}),
        ("train=null", {"train": None}),
        ("train.steps=", {"train": {"steps": None}}),
        ("train={lr: 1, steps: 5}", {"train": {"steps": 5, "lr": 1}}),
        ("a.b.c=[1, {x: '2'}]", {"a": {"b": {"c": [1, {"x": "2"}]}}}),
        ("generator.width=128", {"generator": {"name": "dcgan", "width": 128}}),
        ("generator={width: 128}", {"generator": {"name": "dcgan", "width": 128}}),
        ("generator={name: mlp, width: 128}", {"generator": {"name": "mlp", "width": 128}}),
        ("generator=mlp", {"generator": "mlp"}),
        ("generator.name=mlp", {"generator": {"name": "mlp"}}),
        ("augment.p=.5", {"augment": {"p": 0.5}}),
        ("latent={size: 3}", {"latent": {"size": 3}}),
        ("penalties.0.weight=3", {"penalties": [{"name": "r1", "weight": 3}, BASE["penalties"][1]]}),
        ("penalties.1.weight=3", {"penalties": ["r1", {"name": "gp", "weight": 3, "on": [1]}]}),
        ("penalties.1.on.0=3", {"penalties": ["r1", {"name": "gp", "weight": 2, "on": [3]}]}),
        ("penalties.1.name=gp", {}),
        ("penalties.1.name=r1", {"penalties": ["r1", {"name": "r1"}]}),
        ("penalties.1=r2", {"penalties": ["r1", "r2"]}),
        ("penalties=[]", {"penalties": []}),
        ("name=y", {"name": "y"}),
        # a plain scalar reaches to the end of the option
        ("note=a: b", {"note": "a: b"}),
        ("note=#1 = 2", {"note": "#1 = 2"}),
        ("note=!x &y", {"note": "!x &y"}),
        ("note=- a", {"note": "- a"}),
        ("note=yes", {"note": "yes"}),
        ("note='12'", {"note": "12"}),
        ('note="a\\tb"', {"note": "a\tb"}),
        ("note=[a]", {"note": ["a"]}),
    ],
)
def test_a_setting(option, changed):
    base = from_mapping(BASE)
    assert base.override([option]).data == {**BASE, **changed}
    assert base.data == BASE


def test_settings_apply_in_their_order():
    options = ["a.b=1", "a.c=2", "a.b=3", "g=x", "g.w=1", "p=[q]", "p.0.w=2"]
    merged = from_mapping({}).override(options)
    assert merged.data == {"a": {"b": 3, "c": 2}, "g": {"name": "x", "w": 1}, "p": [{"name": "q", "w": 2}]}
    assert merged.override([]).data == merged.data


def test_places_of_a_setting(spec):
    document = spec("g: dcgan\ntrain: {steps: 1}\n").override(["train.steps = 20", "g.opts={a: [1, 2]}"])
    places = {
        ("train", "steps"): ("--set:1:15", "--set:1:7"),
        ("train",): ("spec.yaml:2:8", "spec.yaml:2:1"),
        ("g",): ("spec.yaml:1:4", "spec.yaml:1:1"),
        ("g", "name"): ("spec.yaml:1:4", "spec.yaml:1:4"),
        ("g", "opts"): ("--set:1:8", "--set:1:3"),
        ("g", "opts", "a"): ("--set:1:12", "--set:1:9"),
        ("g", "opts", "a", 1): ("--set:1:16", "--set:1:16"),
    }
    assert {path: (str(document.locate(path)), str(document.locate(path, key=True))) for path in places} == places
    position = document.locate(("train", "steps"))
    assert position is not None
    assert position.text == "train.steps = 20"


@pytest.mark.parametrize(
    ("option", "column", "message"),
    [
        ("", 1, "a setting is written as 'path=value', such as 'train.steps=200'"),
        ("train.steps", 12, "a setting is written as 'path=value', such as 'train.steps=200'"),
        ("=1", 1, "a part of this path is empty"),
        ("train..x=1", 7, "a part of this path is empty"),
        ("train. =1", 8, "a part of this path is empty"),
        (".train=1", 1, "a part of this path is empty"),
        ("penalties.2.weight=3", 11, "'penalties' is a list: its items are 0 to 1"),
        ("penalties.-1=3", 11, "'penalties' is a list: its items are 0 to 1"),
        ("penalties.٠=3", 11, "'penalties' is a list: its items are 0 to 1"),
        ("penalties.weight=3", 11, "'penalties' is a list: its items are 0 to 1"),
        ("penalties." + "9" * 5000 + "=3", 11, "'penalties' is a list: its items are 0 to 1"),
        ("penalties.1.on.1=3", 16, "'penalties.1.on' is a list: its items are 0 to 0"),
        ("metrics.0=fid", 9, "'metrics' is a list: it is empty"),
        ("train.steps.x=1", 13, "'train.steps' is the number 3, which has no 'x'"),
        ("latent.size.x=1", 8, "'latent' is the number 128, which has no 'size'"),
        ("extends=a.yaml", 1, "'extends' is for files only"),
        ("a=[1, 2", 3, "this bracket is never closed"),
        ("a.b='c", 5, "this quote is never closed"),
        ("a=[1] b", 7, "this cannot follow what stands before it"),
        ('a="\\UFFFFFFFF"', 3, "this cannot be read as YAML (OverflowError)"),
        ("a={b: 1, b: 2}", 10, "the key 'b' is given twice"),
        ("a=[!x 1]", 4, "a spec has no tags: put a value that begins with '!' in quotes"),
        ("a=" + "[" * 100_000, 2 + 33, "more than 32 mappings and lists inside each other"),
        ("a=b\x1b[0m", 4, "the character U+001B cannot stand in a spec"),
        ("a=\udcff", 3, "the character U+DCFF cannot stand in a spec"),
        ("a." * 32 + "b=1", 65, "a path has no more than 32 parts"),
    ],
)
def test_a_setting_that_is_refused(option, column, message):
    with pytest.raises(SpecError) as caught:
        from_mapping(BASE).override([option])
    [mistake] = caught.value.mistakes
    assert mistake.message == message
    assert mistake.position is not None
    assert (mistake.position.source, mistake.position.line, mistake.position.column) == ("--set", 1, column)
    assert mistake.position.text == option


def test_the_mistakes_of_all_settings_are_reported(spec):
    with pytest.raises(SpecError) as caught:
        spec("train: {steps: 3}").override(["seed", "train.steps.x=1", "a=1"], flag="-s")
    assert str(caught.value) == (
        "-s:1:5: a setting is written as 'path=value', such as 'train.steps=200'\n"
        "    1 | seed\n"
        "      |     ^\n"
        "-s:1:13: 'train.steps' is the number 3, which has no 'x'\n"
        "    1 | train.steps.x=1\n"
        "      |             ^\n"
        "spec.yaml:1:16: it is written here\n"
        "    1 | train: {steps: 3}\n"
        "      |                ^"
    )


def test_what_a_setting_adds_stands_there_and_what_was_there_does_not():
    document = from_mapping({"train": {"steps": 3}}).override(["a.b=1", "train.seed=2"])
    found = {path: document.locate(path) for path in [(), ("a",), ("a", "b"), ("train",), ("train", "seed")]}
    assert [str(position) for position in found.values()] == ["None", "--set:1:3", "--set:1:5", "None", "--set:1:12"]
    assert str(document.locate(("a",), key=True)) == "--set:1:1"


def test_an_object_from_python_has_no_keys():
    with pytest.raises(SpecError, match=r"'generator' is an object of type object, which has no 'width'"):
        from_mapping({"generator": object()}).override(["generator.width=1"])


def test_a_flag_that_stands_for_a_path(spec):
    document = spec("loss: {name: hinge, margin: 2}\noutput: {keep: 1}")
    document = document.put(("loss",), "wasserstein", "--loss").put(("output", "folder"), "runs/x", "--out")
    assert document.data == {"loss": "wasserstein", "output": {"keep": 1, "folder": "runs/x"}}
    assert str(document.locate(("loss",))) == "--loss:1:1"
    assert document.put(("loss",), "{margin: 3}", "--loss").data["loss"] == {"name": "wasserstein", "margin": 3}
    with pytest.raises(SpecError, match=r"--loss:1:1: this bracket is never closed"):
        document.put(("loss",), "{margin: 3", "--loss")


names = st.sampled_from("abc") | st.just("name")
values = st.recursive(
    st.none() | st.integers(0, 3) | st.sampled_from("xy"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)
mappings = st.dictionaries(names, values, max_size=4)


@given(mappings, mappings)
def test_laws_of_merge(base, over):
    below, above = from_mapping(base), from_mapping(over)
    assert below.merge(below).data == base
    assert below.merge(from_mapping({})).data == base
    assert from_mapping({}).merge(below).data == base
    merged = below.merge(above)
    assert merged.merge(above).data == merged.data
    assert list(merged.data) == [*base, *(key for key in over if key not in base)]
    assert_laid_over(over, merged.data)


def assert_laid_over(over, merged):
    """Whatever was laid over is there."""
    if not isinstance(over, dict):
        assert merged == over
        return
    for key, value in over.items():
        assert_laid_over(value, merged[key])


@given(mappings, st.lists(names, min_size=1, max_size=4), st.integers(4, 9))
def test_a_setting_is_found_at_its_path(base, path, value):
    option = f"{'.'.join(path)}={value}"
    try:
        document = from_mapping(base).override([option])
    except SpecError as error:
        positions = [mistake.position for mistake in error.mistakes]
    else:
        found = document.data
        for part in path:
            found = found[part]
        positions = [document.locate(path)]
        assert (found, str(positions[0])) == (value, f"--set:1:{len(option)}")
    assert all(position and position.text == option for position in positions)
