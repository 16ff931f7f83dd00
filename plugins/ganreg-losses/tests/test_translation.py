"""Terms of image-to-image games against their papers' formulas: values and gradients of the generator's weights."""

from typing import ClassVar

import pytest
import torch
from ganreg_losses import Cycle, Identity, Perceptual, Reconstruction
from safetensors.torch import save_file

from ganreg import Game
from ganreg.engine.state import same
from ganreg.errors import SpecError

PAIRS = {"image": (1, 4, 4), "source": (1, 4, 4)}


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def distance(norm, one, other):
    differences = (one - other).flatten()
    each = {"l1": abs, "l2": lambda d: d**2, "charbonnier": lambda d: (d**2 + 1e-6) ** 0.5}[norm]
    return mean(each(d) for d in differences)


def translated(play, source, network="generator"):
    return play.networks[network](source, play.z, None)


@pytest.mark.parametrize("norm", ["l1", "l2", "charbonnier"])
def test_reconstruction(turn, pictures, assert_term, norm):
    with turn(data=pictures(source=(2, 4, 4))) as play:
        formula = lambda: distance(norm, translated(play, play.source), play.real)  # noqa: E731
        assert_term(Reconstruction(norm=norm), play, formula)


@pytest.mark.parametrize("of", ["real", "source"])
def test_identity(turn, pictures, assert_term, of):
    with turn(data=pictures(**PAIRS)) as play:
        images = play.real if of == "real" else play.source
        assert_term(Identity(of=of), play, lambda: distance("l1", translated(play, images), images))


def test_cycle_of_one_network_that_is_its_own_inverse(turn, pictures, assert_term):
    with turn(data=pictures(**PAIRS)) as play:

        def formula():
            trips = [(translated(play, translated(play, images)), images) for images in (play.source, play.real)]
            return sum(distance("l1", *trip) for trip in trips)

        assert_term(Cycle(), play, formula)


class TwoWays(Game, name="two-ways"):
    """Two generators and one discriminator; the generators' terms are penalties alone."""

    networks: ClassVar = {"there": "generator", "back": "generator", "discriminator": "discriminator"}
    players: ClassVar = {"generator": ("there", "back"), "discriminator": ("discriminator",)}

    def task_for(self, network, task):
        return type(task)(task.source, task.latent, None, task.image) if network == "back" else task

    def terms(self, play):
        return {"loss": play.discriminate(play.real).logits.sum()}


def test_cycle_and_identity_in_a_game_of_two_generators(turn, pictures, assert_term):
    data = pictures(source=(2, 4, 4))
    with turn(data=data, game=TwoWays()) as play:
        a, b = play.source, play.real

        def formula():
            forth = translated(play, translated(play, a, "there"), "back")
            around = translated(play, translated(play, b, "back"), "there")
            return distance("l2", forth, a) + distance("l2", around, b)

        assert_term(Cycle(there="there", back="back", norm="l2"), play, formula)
    with turn(data=pictures(**PAIRS), game=TwoWays()) as play:
        a = play.source
        penalty = Identity(network="back", of="source")
        assert_term(penalty, play, lambda: distance("l1", translated(play, a, "back"), a))


def perceptual(network, one, other, layers, content, style):
    total = 0
    for j in layers:
        batch = []
        for y, target in zip(network(one).features[j], network(other).features[j], strict=True):
            size = y.numel()
            term = content * ((y - target) ** 2).sum() / size
            for c in range(len(y)):
                for d in range(len(y)):
                    gram, wanted = ((z[c] * z[d]).sum() / size for z in (y, target))
                    term = term + style * (gram - wanted) ** 2
            batch.append(term)
        total = total + mean(batch)
    return total


@pytest.mark.parametrize(("layers", "style"), [(None, 0.0), ((1,), 0.0), ((0, -1), 3.0)], ids=str)
def test_perceptual(turn, pictures, judge, assert_term, layers, style):
    term = Perceptual(features=judge(), layers=layers, content=2.0, style=style)
    with turn(data=pictures(**PAIRS), penalties=[term]) as play:
        built = play._match.parts.penalties[0].built
        wanted = (0, 1) if layers is None else layers
        assert_term(
            built,
            play,
            lambda: perceptual(built.network, translated(play, play.source), play.real, wanted, 2.0, style),
        )


def test_perceptual_takes_weights_from_a_file(turn, pictures, judge, make_match, tmp_path):
    """Of a network as it is, or of a run's checkpoint below a prefix; it is frozen and saved with the run."""
    trained = make_match(data=pictures(**PAIRS)).networks["discriminator"].state_dict()
    tensors = {f"networks/discriminator/{name}": tensor for name, tensor in trained.items()}
    save_file({**tensors, "networks/generator/weight": torch.zeros(1)}, tmp_path / "w")
    term = Perceptual(features=judge(), weights=tmp_path / "w", prefix="networks/discriminator/")
    match = make_match(data=pictures(**PAIRS), penalties=[term])
    network = match.parts.penalties[0].built.network
    assert same(dict(network.state_dict()), dict(trained))
    match.update("generator")
    assert same(dict(network.state_dict()), dict(trained))
    assert not any(p.requires_grad for p in network.parameters())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file"),
        (b"no safetensors", "has not the weights of JudgeNetwork"),
        ({"first.weight": torch.zeros(2)}, "has not the weights of JudgeNetwork"),
    ],
    ids=["missing", "broken", "of another network"],
)
def test_perceptual_refuses_a_file_before_anything_runs(make_match, pictures, judge, tmp_path, content, message):
    file = tmp_path / "weights"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        save_file(content, file)
    with pytest.raises(SpecError, match=message):
        make_match(data=pictures(**PAIRS), penalties=[Perceptual(features=judge(), weights=file)])


@pytest.mark.parametrize("term", [Reconstruction(), Cycle(), Identity()], ids=lambda t: t.name)
def test_they_need_source_pictures(make_match, term):
    with pytest.raises(SpecError, match=r"no source pictures|the data has none"):
        make_match(penalties=[term])


@pytest.mark.parametrize("term", [Cycle(), Identity()], ids=lambda t: t.name)
def test_these_need_one_shape(make_match, pictures, term):
    with pytest.raises(SpecError, match="shape of the others"):
        make_match(data=pictures(source=(2, 4, 4)), penalties=[term])
