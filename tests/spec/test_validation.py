"""From a file to a spec, or to every mistake with its place."""

import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

import ganreg
from ganreg import Dataset, Game, Loss, Penalty, Task
from ganreg.api import Run
from ganreg.errors import DataError, SpecError, UsageError
from ganreg.registry import Registry
from ganreg.spec.document import read
from ganreg.task import DatasetInfo

Write = Callable[[str], Path]

SOUND = """\
data: {name: tiny-pictures, side: 28}
generator: tiny-generator
discriminator: tiny-discriminator
loss: tiny-hinge
game: tiny-standard
schedule: tiny-alternating
optimizers: {generator: tiny-adam, discriminator: tiny-adam}
"""
FOUR_KEYS = "".join(SOUND.splitlines(keepends=True)[:4])
LAST = SOUND.count("\n")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(text: str) -> Path:
        path = tmp_path / "spec.yaml"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return put


def places(path: Path) -> list[tuple[int, int, str]]:
    """Line, column and message of every mistake."""
    with pytest.raises(SpecError) as caught:
        ganreg.load(path)
    found = []
    for mistake in caught.value.mistakes:
        assert mistake.position is not None
        found.append((mistake.position.line, mistake.position.column, f"{mistake.message} | {mistake.hint}"))
    return found


@pytest.mark.needs("ganreg-classic")
def test_four_keys_make_a_run(write: Write) -> None:
    spec = ganreg.load(write(FOUR_KEYS)).spec
    assert spec.game.name == "standard"
    assert spec.schedule.name == "alternating"
    assert list(spec.optimizers) == ["generator", "discriminator"]
    assert spec.optimizers["generator"].name == "adam"
    assert spec.latent.size == 128


@pytest.mark.needs("ganreg-classic")
def test_a_default_part_is_reached_by_its_path(write: Write) -> None:
    changes = "schedule: {discriminator_steps: 5}\noptimizers: {generator: {lr: 0.5}}\n"
    spec = ganreg.load(write(FOUR_KEYS + changes)).spec
    assert (spec.schedule.name, spec.schedule.model_dump()["discriminator_steps"]) == ("alternating", 5)
    assert [o.model_dump()["lr"] for o in spec.optimizers.values()] == [0.5, 2e-4]


def test_all_mistakes_are_reported_at_once_where_they_stand(write: Write) -> None:
    found = places(
        write("""\
        data: tiny-pictures
        generator: {name: tiny-generator, widht: 32}
        discriminator: tiny-discriminatro
        loss: {name: tiny-hinge, margin: -1}
        penalties:
          - {name: tiny-r1, weight: many}
          - {weight: 3}
          - 7
        game: tiny-standard
        schedule: tiny-alternating
        optimizers:
          generatr: tiny-adam
        latent: -3
        train: {steps: 0, batch_size: 10, accumulate: 4}
        colour: red
        """)
    )
    assert [(line, column) for line, column, _ in found] == [
        (2, 35), (3, 16), (4, 34), (6, 29), (7, 5), (8, 5), (12, 3), (13, 9), (14, 16), (15, 1),
    ]  # fmt: skip
    texts = [text for *_, text in found]
    assert texts[0] == "unknown key 'widht' | did you mean 'width'?"
    assert texts[1] == "no discriminator is called 'tiny-discriminatro' | did you mean 'tiny-discriminator'?"
    assert texts[2] == "margin: should be greater than 0, not -1 | "
    assert texts[3] == "weight: should be a valid number, not 'many' | "
    assert texts[4] == "the penalty has no 'name' | "
    assert texts[6] == "no player of the game 'tiny-standard' is called 'generatr' | did you mean 'generator'?"
    assert texts[7] == "size: should be greater than 0, not -3 | "
    assert texts[9].startswith("unknown key 'colour' | known here: seed, data")


def test_missing_keys_are_named(write: Write) -> None:
    others = SOUND.removeprefix(FOUR_KEYS)
    assert [text for *_, text in places(write(others))] == [
        f"'{key}' is missing | " for key in ("data", "generator", "discriminator", "loss")
    ]


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("optimizers", "{generator: {name: tiny-adam, betas: [0.5]}}", "betas: should have 2 items, not [0.5]"),
        ("optimizers", "{generator: {name: tiny-adam, betas: []}}", "betas: should have 2 items, not []"),
        (
            "optimizers",
            "{generator: {name: tiny-adam, betas: [0, 0, 0]}}",
            "betas: should have at most 2 items, not [0, 0, 0]",
        ),
        ("output", "{folder: [1]}", "folder: should be a path, not [1]"),
        ("output", "{folder: ''}", "folder: should name a folder, or be null for a free one under runs/, not ''"),
    ],
)
def test_mistakes_are_told_in_the_words_of_a_spec(write: Write, key: str, value: str, text: str) -> None:
    sound = "".join(line for line in SOUND.splitlines(keepends=True) if not line.startswith(key))
    assert [found for *_, found in places(write(f"{sound}{key}: {value}\n"))] == [f"{text} | "]


def test_yes_and_no_are_no_numbers(write: Write, composition: dict[str, Any]) -> None:
    lines = [line for line in SOUND.splitlines() if not line.startswith(("seed", "train", "loss", "optimizers"))]
    written = """
seed: true
loss: {name: tiny-hinge, margin: true}
train: {steps: false, batch_size: true, compile: true}
optimizers: {generator: {name: tiny-adam, betas: [true, 0.9]}}
"""
    assert [text for *_, text in places(write("\n".join(lines) + written))] == [
        "steps: should be greater than 0, not False | "
    ], "what pydantic finds comes first"
    written = written.replace("steps: false", "steps: 2")
    assert [text for *_, text in places(write("\n".join(lines) + written))] == [
        "seed: should be a number, not True | ",
        "margin: should be a number, not True | ",
        "batch_size: should be a number, not True | ",
        "0: should be a number, not True | ",
    ]
    with pytest.raises(SpecError, match="seed: should be a number, not True"):
        ganreg.compose(**{**composition, "seed": True})


@pytest.mark.parametrize("number", ["18446744073709551616", "-9223372036854775809", "0x" + "f" * 9_999, "9" * 9_999])
def test_an_integer_beyond_64_bits_hides_no_other_mistake(write: Write, number: str) -> None:
    sound = [line for line in SOUND.splitlines(keepends=True) if not line.startswith("loss")]
    assert places(write("".join(sound) + f"loss: tiny-hnge\nseed: {number}\ntrain: {{steps: {number}}}\n")) == [
        (LAST, 7, "no loss is called 'tiny-hnge' | did you mean 'tiny-hinge'?"),
        (LAST + 1, 7, "seed: this integer does not fit into 64 bits | "),
        (LAST + 2, 16, "steps: this integer does not fit into 64 bits | "),
    ]


def test_an_integer_beyond_64_bits_is_refused_whoever_gives_it(write: Write, composition: dict[str, Any]) -> None:
    refused = "weight: this integer does not fit into 64 bits"
    penalties = "penalties: [{name: tiny-r1, weight: 99999999999999999999}]\n"
    assert [text for *_, text in places(write(SOUND + penalties))] == [f"{refused} | "]
    with pytest.raises(SpecError, match="steps: this integer does not fit into 64 bits"):
        ganreg.compose(**composition, train={"steps": 2**64})
    with pytest.raises(SpecError, match=refused):
        ganreg.component("penalty", "tiny-r1", weight=2**64)
    option = read(write(SOUND)).override(["train.steps= 99999999999999999999"])
    with pytest.raises(SpecError, match=r"--set:1:14: steps: this integer does not fit into 64 bits"):
        Run.of(option, Registry.discover())


def test_no_more_than_twenty_mistakes_are_listed(write: Write) -> None:
    unknown, large = ("".join(f"{k}{i}: {v}\n" for i in range(30)) for k, v in (("key", 1), ("number", 2**64)))
    assert len(places(write(SOUND + unknown))) == 20
    assert len(places(write(SOUND + large))) == 20


PAIR = """
from pydantic import model_validator
from ganreg import Loss, hookimpl

class Pair(Loss, name="pair"):
    low: float = 0.0
    high: float = 1.0

    @model_validator(mode="after")
    def _ordered(self):
        if self.low > self.high:
            raise ValueError("low lies above high")
        return self

@hookimpl
def ganreg_components():
    return [Pair]
"""


def test_what_is_wrong_with_a_whole_part_is_told_in_its_own_words(composition: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "pairs.py").write_text(PAIR, encoding="utf-8")
    registry = Registry.discover(files=[tmp_path / "pairs.py"])
    with pytest.raises(SpecError) as caught:
        ganreg.compose(registry=registry, **{**composition, "loss": {"name": "pair", "low": 2}})
    assert str(caught.value) == "loss: low lies above high"
    with pytest.raises(SpecError) as caught:
        ganreg.component("loss", "pair", registry=registry, low=2)
    assert str(caught.value) == "low lies above high"


class Named(Loss, name="named"):
    """A loss with a word of its own."""

    word: str = "x"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"output": {"folder": "u\x85v"}}, "output.folder: the character U+0085"),
        ({"output": {"folder": Path("z\udcff")}}, "output.folder: the character U+DCFF"),
        ({"init": {"run": "there", "networks": ["generator", "\x7f"]}}, "init.networks.1: the character U+007F"),
        ({"loss": Named(word="a\u2028b")}, "loss.word: the character U+2028"),
        ({"loss": "hin\udcffge"}, "loss: the character U+DCFF"),
    ],
)
def test_a_text_that_no_spec_holds_is_refused_from_python_too(
    composition: dict[str, Any], change: dict[str, Any], where: str
) -> None:
    with pytest.raises(SpecError) as caught:
        ganreg.compose(**{**composition, **change})
    assert str(caught.value) == f"{where} cannot stand in a spec"


def test_a_folder_without_a_name_is_refused_from_python_too(composition: dict[str, Any]) -> None:
    """To a path it is the current folder, which nobody has named."""
    with pytest.raises(SpecError, match="folder: should name a folder, or be null for a free one under runs/, not ''"):
        ganreg.compose(**composition, output={"folder": ""})


def test_a_mistake_from_python_tells_its_path_once(composition: dict[str, Any]) -> None:
    with pytest.raises(SpecError) as caught:
        ganreg.compose(**composition, train={"steps": -1})
    assert str(caught.value) == "train.steps: should be greater than 0, not -1"


def test_one_component_is_held_to_what_a_spec_is(composition: dict[str, Any]) -> None:
    for parameters, message in (
        ({"margin": True}, "margin: should be a number, not True"),
        ({"margin": "\x7f"}, "margin: the character U\\+007F cannot stand in a spec"),
        ({"margin": -1}, "margin: should be greater than 0, not -1"),
    ):
        with pytest.raises(SpecError, match=message):
            ganreg.component("loss", "tiny-hinge", **parameters)
    with pytest.raises(SpecError, match=r"the character U\+DCFF cannot stand in a spec"):
        ganreg.component("loss", "hin\udcffge")


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        (["loss"], "tiny-hinge", "the kind of a component is text, not a list"),
        ("loss", None, "the name of a component is text, not null"),
        ("losses", "tiny-hinge", "'losses' is no kind of component: generator, "),
    ],
)
def test_what_cannot_name_a_component_is_a_mistake_of_the_call(kind: Any, name: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ganreg.component(kind, name)


@pytest.mark.parametrize("path", [None, 3, b"spec.yaml", ["spec.yaml"]])
def test_what_is_no_path_is_a_mistake_of_the_call(path: Any) -> None:
    with pytest.raises(UsageError, match=r"a path is text or a pathlib\.Path, not "):
        ganreg.load(path)


def test_a_batch_is_cut_evenly(write: Write) -> None:
    ((line, column, text),) = places(write(SOUND + "train: {batch_size: 10, accumulate: 4}\n"))
    assert (line, column) == (LAST + 1, 8)
    assert "batch_size 10 cannot be cut into 4 equal parts" in text


def related(path: Path) -> list[tuple[str, int, int]]:
    """The places that the one mistake points to, its own first, as word of the sentence, line and column."""
    with pytest.raises(SpecError) as caught:
        ganreg.load(path)
    (mistake,) = caught.value.mistakes
    places = [(mistake.message, mistake.position), *mistake.related]
    return [(sentence, position.line, position.column) for sentence, position in places if position]


def test_a_size_that_does_not_fit_cites_both_lines(write: Write) -> None:
    found = related(write(SOUND.replace("side: 28", "side: 7").replace("tiny-discriminator", "tiny-patches")))
    assert found == [
        ("the generator 'tiny-generator': works on pictures of even sides", 2, 12),
        ("the dataset 'tiny-pictures' gives (1, 7, 7)", 1, 7),
        ("the discriminator 'tiny-patches' takes (1, 7, 7)", 3, 16),
    ]


def test_a_loss_that_needs_what_the_discriminator_lacks_cites_both_lines(write: Write) -> None:
    path = write(SOUND.replace("tiny-hinge", "proofs/tiny-acgan"))
    found = related(path)
    assert found[0] == ("the loss 'tiny-acgan' needs class_logits", 4, 7)
    assert found[1] == ("the discriminator 'tiny-discriminator' does not provide it", 3, 16)
    with pytest.raises(SpecError, match=r"provided by: .*discriminator proofs/tiny-auxiliary"):
        ganreg.load(path)


class Both(Loss, name="both"):
    """Asks for two things at once."""

    requires: ClassVar = frozenset({"features", "embedding"})


def test_what_is_lacking_is_offered_by_who_gives_all_of_it(composition: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="the loss 'both' needs embedding and features") as caught:
        ganreg.compose(**{**composition, "loss": Both()})
    hint = caught.value.mistakes[0].hint
    assert "discriminator proofs/tiny-judge" in hint
    assert "tiny-multiscale" not in hint, "it gives features alone"


def test_conditions_need_labels(write: Write) -> None:
    found = related(write(SOUND + "conditional: true\n"))
    assert found[0] == ("a conditional run needs labelled data", LAST + 1, 14)
    assert found[1] == ("the dataset 'tiny-pictures' has no labels", 1, 7)


@pytest.mark.parametrize(
    ("judge", "moved", "message"),
    [
        ("judge", "discriminator", "the game 'odd' gives its network 'discriminator' the role 'judge'"),
        (
            "discriminator",
            "critic",
            "the game 'odd' lets its discriminator move 'critic', which is none of its networks",
        ),
    ],
)
def test_a_game_that_nobody_could_play_is_refused(
    composition: dict[str, Any], judge: str, moved: str, message: str
) -> None:
    class Odd(Game, name="odd"):
        """Odd."""

        networks: ClassVar = {"generator": "generator", "discriminator": judge}
        players: ClassVar = {"generator": ("generator",), "discriminator": (moved,)}

    with pytest.raises(SpecError, match=message) as caught:
        ganreg.compose(**{**composition, "game": Odd()}).check()
    assert caught.value.mistakes[0].path == ("game",)


def test_a_game_gets_its_roles_and_no_others(write: Write) -> None:
    found = related(write(SOUND + "encoder: proofs/tiny-encoder\n"))
    assert found == [("no encoder plays in this game", LAST + 1, 10), ("the game is 'tiny-standard'", 5, 7)]
    path = write(SOUND.replace("tiny-discriminator", "proofs/tiny-pairs").replace("tiny-standard", "tiny-bigan"))
    assert related(path) == [("the game 'tiny-bigan' needs an encoder", 5, 7)]


@pytest.mark.needs("ganreg-classic")
def test_a_default_stands_nowhere(write: Write) -> None:
    found = related(write(FOUR_KEYS + "encoder: proofs/tiny-encoder\n"))
    assert found == [("no encoder plays in this game", 5, 10)]


class Alone(Game, name="alone"):
    """A discriminator without anybody to tell real pictures from."""

    networks: ClassVar = {"discriminator": "discriminator"}
    players: ClassVar = {"discriminator": ("discriminator",)}


def test_a_game_has_a_generator(composition: dict[str, Any]) -> None:
    optimizers = {"discriminator": "tiny-adam"}
    with pytest.raises(SpecError, match="game: the game 'alone' has no generator among its networks"):
        ganreg.compose(**{**composition, "game": Alone(), "optimizers": optimizers})


class Elsewhere(Penalty, name="elsewhere"):
    """For a player of other games."""

    player: ClassVar = "critic"


def test_a_penalty_is_for_a_player_of_the_game(composition: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="'elsewhere' is for a player 'critic', which this game has not") as caught:
        ganreg.compose(**{**composition, "penalties": [Elsewhere()]})
    assert caught.value.mistakes[0].path == ("penalties", 0)


class Halves(Game, name="halves"):
    """Its generator makes pictures of another size than the data has."""

    networks: ClassVar = {"generator": "generator", "discriminator": "discriminator"}
    players: ClassVar = {"generator": ("generator",), "discriminator": ("discriminator",)}

    def task_for(self, network: str, task: Task) -> Task:
        return replace(task, image=(1, 7, 7)) if network == "generator" else task


def test_a_network_is_checked_on_the_task_that_its_game_gives_it(composition: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="the generator 'tiny-generator': works on pictures of even sides") as caught:
        ganreg.compose(**{**composition, "game": Halves()})
    assert len(caught.value.mistakes) == 1


class Lost(Dataset, name="lost"):
    """Pictures that somebody has deleted."""

    def info(self) -> DatasetInfo:
        raise DataError("nowhere")


def test_missing_data_is_an_error_of_data(composition: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"^nowhere$"):
        ganreg.compose(**{**composition, "data": Lost()})


def test_a_derived_spec_says_in_which_file_a_mistake_stands(write: Write, tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(SOUND + "train:\n  steps: no\n", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        ganreg.load(write("extends: base.yaml\nseed: -1\n"))
    places = {(Path(m.position.source).name, m.position.line) for m in caught.value.mistakes if m.position}
    assert places == {("base.yaml", LAST + 2), ("spec.yaml", 2)}


def test_the_spec_is_frozen(write: Write) -> None:
    run: Run = ganreg.load(write(SOUND))
    with pytest.raises(ValueError, match="frozen"):
        run.spec.seed = 3  # type: ignore[misc]
