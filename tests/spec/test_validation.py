"""From a file to a spec, or to every mistake with its place."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import ganreg
from ganreg.api import Run
from ganreg.errors import DataError, SpecError

Write = Callable[[str], Path]

SOUND = "data: fashion-mnist-10k\ngenerator: dcgan\ndiscriminator: dcgan\nloss: hinge\n"


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


def test_four_keys_make_a_run(write: Write) -> None:
    spec = ganreg.load(write(SOUND)).spec
    assert spec.game.name == "standard"
    assert spec.schedule.name == "alternating"
    assert list(spec.optimizers) == ["generator", "discriminator"]
    assert spec.optimizers["generator"].name == "adam"
    assert spec.latent.size == 128


def test_a_default_part_is_reached_by_its_path(write: Write) -> None:
    changes = "schedule: {discriminator_steps: 5}\noptimizers: {generator: {lr: 0.5}}\n"
    spec = ganreg.load(write(SOUND + changes)).spec
    assert (spec.schedule.name, spec.schedule.model_dump()["discriminator_steps"]) == ("alternating", 5)
    assert [o.model_dump()["lr"] for o in spec.optimizers.values()] == [0.5, 2e-4]


def test_all_mistakes_are_reported_at_once_where_they_stand(write: Write) -> None:
    found = places(
        write("""\
        data: fashion-mnist-10k
        generator: {name: dcgan, widht: 32}
        discriminator: dcgna
        loss: {name: hinge, margin: -1}
        penalties:
          - {name: r1, weight: many}
          - {weight: 3}
          - 7
        optimizers:
          generatr: adam
        latent: -3
        train: {steps: 0, batch_size: 10, accumulate: 4}
        colour: red
        """)
    )
    assert [(line, column) for line, column, _ in found] == [
        (2, 26), (3, 16), (4, 29), (6, 24), (7, 5), (8, 5), (10, 3), (11, 9), (12, 16), (13, 1),
    ]  # fmt: skip
    texts = [text for *_, text in found]
    assert texts[0] == "unknown key 'widht' | did you mean 'width'?"
    assert texts[1] == "no discriminator is called 'dcgna' | did you mean 'dcgan'?"
    assert texts[2] == "margin: should be greater than 0, not -1 | "
    assert texts[3] == "weight: should be a valid number, not 'many' | "
    assert texts[4] == "the penalty has no 'name' | "
    assert texts[6] == "no player of the game 'standard' is called 'generatr' | did you mean 'generator'?"
    assert texts[7] == "size: should be greater than 0, not -3 | "
    assert texts[9].startswith("unknown key 'colour' | known here: seed, data")


def test_missing_keys_are_named(write: Write) -> None:
    assert [text for *_, text in places(write("seed: 1\n"))] == [
        f"'{key}' is missing | " for key in ("data", "generator", "discriminator", "loss")
    ]


def test_a_batch_is_cut_evenly(write: Write) -> None:
    ((line, column, text),) = places(write(SOUND + "train: {batch_size: 10, accumulate: 4}\n"))
    assert (line, column) == (5, 8)
    assert "batch_size 10 cannot be cut into 4 equal parts" in text


def related(path: Path) -> list[tuple[str, int, int]]:
    """The places that the one mistake points to, its own first, as word of the sentence, line and column."""
    with pytest.raises(SpecError) as caught:
        ganreg.load(path)
    (mistake,) = caught.value.mistakes
    places = [(mistake.message, mistake.position), *mistake.related]
    return [(sentence, position.line, position.column) for sentence, position in places if position]


def test_a_size_that_does_not_fit_cites_both_lines(write: Write) -> None:
    found = related(write(SOUND.replace("generator: dcgan", "generator: {name: mlp, shape: [1, 32, 32]}")))
    assert found == [
        ("the generator 'mlp': makes (1, 32, 32) images, where the task has (1, 28, 28)", 2, 12),
        ("the dataset 'fashion-mnist-10k' gives (1, 28, 28)", 1, 7),
        ("the discriminator 'dcgan' takes (1, 28, 28)", 3, 16),
    ]


def test_a_loss_that_needs_what_the_discriminator_lacks_cites_both_lines(write: Write) -> None:
    path = write(SOUND.replace("loss: hinge", "loss: proofs/tiny-acgan"))
    found = related(path)
    assert found[0] == ("the loss 'tiny-acgan' needs class_logits", 4, 7)
    assert found[1] == ("the discriminator 'dcgan' does not provide it", 3, 16)
    with pytest.raises(SpecError, match="provided by: discriminator proofs/"):
        ganreg.load(path)


def test_conditions_need_labels(write: Write, tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (32, 32)).save(tmp_path / "pictures" / "a.png")
    data = f"{{name: image-folder, folder: {tmp_path / 'pictures'}, size: 32}}"
    found = related(write(SOUND.replace("fashion-mnist-10k", data) + "conditional: true\n"))
    assert found[0] == ("a conditional run needs labelled data", 5, 14)
    assert found[1] == ("the dataset 'image-folder' has no labels", 1, 7)


def test_a_game_gets_its_roles_and_no_others(write: Write) -> None:
    found = related(write(SOUND + "encoder: proofs/tiny-encoder\n"))
    assert found == [("no encoder plays in this game", 5, 10)]
    path = write(SOUND.replace("discriminator: dcgan", "discriminator: proofs/tiny-pairs") + "game: tiny-bigan\n")
    assert related(path) == [("the game 'tiny-bigan' needs an encoder", 5, 7)]


def test_compiling_and_differentiating_twice_exclude_each_other(write: Write) -> None:
    sound = SOUND + "train: {compile: true}\n"
    assert ganreg.load(write(sound)).spec.train.compile
    assert related(write(sound + "penalties: [weight-clipping, r1]\n")) == [
        ("a compiled network cannot be differentiated twice", 5, 18),
        ("the penalty 'r1' does so", 6, 30),
    ]


def test_missing_data_is_an_error_of_data(write: Write) -> None:
    with pytest.raises(DataError, match="nowhere"):
        ganreg.load(write(SOUND.replace("fashion-mnist-10k", "{name: image-folder, folder: nowhere, size: 28}")))


def test_a_derived_spec_says_in_which_file_a_mistake_stands(write: Write, tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(SOUND + "train:\n  steps: no\n", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        ganreg.load(write("extends: base.yaml\nseed: -1\n"))
    places = {(Path(m.position.source).name, m.position.line) for m in caught.value.mistakes if m.position}
    assert places == {("base.yaml", 6), ("spec.yaml", 2)}


def test_the_spec_is_frozen(write: Write) -> None:
    run: Run = ganreg.load(write(SOUND))
    with pytest.raises(ValueError, match="frozen"):
        run.spec.seed = 3  # type: ignore[misc]
