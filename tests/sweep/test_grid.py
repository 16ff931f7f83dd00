"""Axes as they are written, and the cells that they make."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganreg.errors import SpecError
from ganreg.sweep.grid import Axis, cells


@pytest.mark.parametrize(
    ("option", "path", "values"),
    [
        ("loss=hinge,fisher", "loss", ("hinge", "fisher")),
        ("seed=0..2", "seed", ("0", "1", "2")),
        ("seed=-1..1,7", "seed", ("-1", "0", "1", "7")),
        ("loss=[hinge, {name: fisher, rho: 1e-5}]", "loss", ("hinge", "{name: fisher, rho: 1e-5}")),
        ("loss={name: fisher, rho: 1e-5},hinge", "loss", ("{name: fisher, rho: 1e-5}", "hinge")),
        ("penalties=[r1],[]", "penalties", ("[r1]", "[]")),
        ("penalties=[[r1], []]", "penalties", ("[r1]", "[]")),
        ("penalties=[[r1, r2]]", "penalties", ("[r1, r2]",)),
        ("data='a,b',\"c]\"", "data", ("'a,b'", '"c]"')),
        ("train.steps= 5 ", "train.steps", ("5",)),
        ("optimizers.generator.lr=1e-3,2e-4", "optimizers.generator.lr", ("1e-3", "2e-4")),
    ],
)
def test_values_are_parted_by_commas_outside_of_brackets(option: str, path: str, values: tuple[str, ...]) -> None:
    assert Axis.read(option) == Axis(path, values)


@pytest.mark.parametrize(
    ("option", "column", "message"),
    [
        ("loss", 5, "an axis is written as"),
        ("=1,2", 1, "an axis is written as"),
        ("loss=", 6, "a value is missing"),
        ("loss=a,,b", 6, "a value is missing"),
        ("seed=2..1", 6, "a value is missing"),
        ("seed=7,2..1", 6, "a value is missing"),
        ("seed=1,0..2", 6, "'1' stands here twice"),
        ("output.folder=a,b", 1, "a folder of its own already"),
        ("output.folder =a,b", 1, "a folder of its own already"),
    ],
)
def test_what_is_no_axis_is_refused_with_its_place(option: str, column: int, message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        Axis.read(option)
    (mistake,) = caught.value.mistakes
    assert mistake.position is not None
    assert (mistake.position.source, mistake.position.column) == ("--axis", column)


def test_cells_are_all_combinations_the_last_axis_fastest() -> None:
    found = cells([Axis.read("loss=[hinge, {name: fisher, rho: 1e-5}]"), Axis.read("seed=0..1")])
    assert [cell.name for cell in found] == [
        "loss=hinge,seed=0",
        "loss=hinge,seed=1",
        "loss=fisher-rho-1e-5,seed=0",
        "loss=fisher-rho-1e-5,seed=1",
    ]
    assert found[3].options == ["loss={name: fisher, rho: 1e-5}", "seed=1"]


def test_an_axis_of_a_part_replaces_no_axis_of_what_is_in_it() -> None:
    (cell,) = cells([Axis.read("generator.width=4"), Axis.read("seed=0"), Axis.read("generator=dcgan")])
    assert cell.options == ["seed=0", "generator=dcgan", "generator.width=4"]
    assert cell.name == "generator.width=4,seed=0,generator=dcgan"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (".5", "x=.5"), ("5", "x=5"), (".001", "x=.001"), ("[[.5, -1.]]", "x=.5--1"), ("[[5, -1.]]", "x=5--1"),
        ("{name: adam, lr: .5}", "x=adam-lr-.5"), ("..", "x=none"), ("../../a", "x=..-..-a"),
    ],
)  # fmt: skip
def test_a_folder_is_called_as_its_value_is_written(value: str, name: str) -> None:
    assert [cell.name for cell in cells([Axis.read(f"x={value}")])] == [name]


def test_a_cell_keeps_its_name_when_an_axis_gets_more_values() -> None:
    few = [cell.name for cell in cells([Axis.read("loss.shift=0.5,1,1e-3")])]
    assert few == ["loss.shift=0.5", "loss.shift=1", "loss.shift=1e-3"]
    more = [cell.name for cell in cells([Axis.read("loss.shift=-1,-0.5,.5,+1,0.5,1,1e-3")])]
    assert more[-3:] == few
    assert more[:2] == ["loss.shift=-1", "loss.shift=-0.5"]
    assert len(set(more)) == 7


def test_cells_that_have_folders_keep_them() -> None:
    few = cells([Axis.read("loss=[{name: a, b: 1}]")])
    assert [cell.name for cell in few] == ["loss=a-b-1"]
    more = cells([Axis.read("loss=[{name: a, b: 1}, {name: a; b: 1}, a-b-1]")], few)
    assert more[0] == few[0]
    assert len({cell.name for cell in more}) == 3
    assert cells([Axis.read("loss=a-b-1")], more) == more[2:]
    assert cells([Axis.read("loss=a-b-1")], few) == more[2:], "a name that another cell has is not free"


def test_names_are_short_in_bytes() -> None:
    (cell,) = cells([Axis("data.root", ("\N{CJK UNIFIED IDEOGRAPH-4E00}" * 110,))])
    assert len(cell.name) < 110
    assert len(cell.name.encode()) <= 120


def test_too_many_cells_and_paths_that_come_twice_are_refused() -> None:
    for axes in (["seed=0..100", "latent=1..100"], ["seed=0..99999999"]):
        with pytest.raises(SpecError, match="more than 10,000 cells"):
            cells(list(map(Axis.read, axes)))
    with pytest.raises(SpecError, match="seed is given twice"):
        cells([Axis.read("seed=0..1"), Axis.read("seed=2..3")])
    assert len(cells([Axis.read("seed=1..10000")])) == 10_000
    assert len(Axis.read("seed=0..999999999999999999").values) == 10_001, "no more than it takes to be refused"


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=200), min_size=1, max_size=5, unique=True
    )
)
def test_names_are_distinct_and_safe_in_a_path(values: list[str]) -> None:
    found = [cell.name for cell in cells([Axis("loss", tuple(values))])]
    assert len(set(found)) == len(values)
    assert all("/" not in name and len(name.encode()) < 250 and name.startswith("loss=") for name in found)
