"""Terms in real turns, against their papers' formulas with loops: values and gradients of their player's weights."""

from dataclasses import replace

import pytest
import torch
from ganreg_losses import (
    GDPP,
    FeatureMatching,
    InfoMax,
    ModeSeeking,
    MutualInformation,
    PullAway,
    QuadraticPotential,
    Rotation,
    WassersteinDivergence,
)
from pydantic import ValidationError

from ganreg import DiscriminatorOutput


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def judged(play, images):
    return play.networks["discriminator"](images, play.labels)


def made(play, z=None):
    return play.networks["generator"](play.z if z is None else z, play.labels)


def logit_sum(output):
    return sum(logits.sum() for logits in (output.logits if isinstance(output.logits, tuple) else [output.logits]))


@pytest.mark.parametrize("two", [False, True])
@pytest.mark.parametrize(("power", "draw"), [(6.0, 1), (3.0, 1)])
def test_wasserstein_divergence(turn, judge, assert_term, power, draw, two):
    """E[‖∇D(x̂)‖ᵖ], a gradient per picture."""
    with turn("discriminator", discriminator=judge(two=two)) as play:
        share = play.random("wasserstein-divergence").uniform(4, 1, 1, 1)
        play._draws = 0

        def formula():
            norms = []
            for u, x, fake in zip(share, play.real, play.fake, strict=True):
                between = (u * x + (1 - u) * fake).detach().requires_grad_()
                value = logit_sum(judged(play, between[None]))
                (gradient,) = torch.autograd.grad(value, between, create_graph=True)
                norms.append((gradient**2).sum() ** 0.5)
            return mean(norm**power for norm in norms)

        assert_term(WassersteinDivergence(power=power), play, formula)


@pytest.mark.parametrize("distance", ["l1", "l2"])
def test_quadratic_potential(turn, assert_term, distance):
    with turn("discriminator") as play:

        def apart(x, y):
            d = (x - y).flatten()
            return mean(abs(e) for e in d) if distance == "l1" else mean(e**2 for e in d) ** 0.5

        def formula():
            real, fake = judged(play, play.real).logits, judged(play, play.fake).logits
            pairs = zip(play.real, play.fake, real, fake, strict=True)
            return mean(mean((r - f).flatten() ** 2) / (2 * 7 * apart(x, y)) for x, y, r, f in pairs)

        assert_term(QuadraticPotential(scale=7, distance=distance), play, formula)


def test_gan_qp_is_the_wasserstein_loss_and_the_potential(make_match):
    """max_D E[D(x) - D(G(z)) - (D(x) - D(G(z)))² / 2λd] and min_G E[D(x) - D(G(z))], whose E[D(x)] G cannot change."""
    match = make_match(penalties=[QuadraticPotential(scale=3)])
    match.gradients("discriminator")
    play = match._plays["discriminator"][-1]
    r, f = (judged(play, images).logits.flatten(1).detach() for images in (play.real, play.fake))
    d = (play.real - play.fake).abs().mean(dim=(1, 2, 3))[:, None]
    expected = -((r - f) - (r - f) ** 2 / (2 * 3 * d)).mean()
    torch.testing.assert_close(sum(match.terms.values()), expected)


def test_quadratic_potential_of_equal_pictures_is_zero(turn):
    with turn("discriminator") as play:
        play.fake = play.real
        play.fake_output = play.real_output
        assert QuadraticPotential()(play).item() == 0


@pytest.mark.parametrize("layers", [(-1,), (0, 1), None], ids=str)
def test_feature_matching_of_means(turn, assert_term, layers):
    with turn() as play:

        def formula():
            real, fake = judged(play, play.real).features, judged(play, made(play)).features
            total = 0
            for layer in (0, 1) if layers is None else layers:
                total = total + ((sum(real[layer]) / 4 - sum(fake[layer]) / 4) ** 2).sum()
            return total

        assert_term(FeatureMatching(layers=layers), play, formula)


def test_feature_matching_of_pairs_on_two_scales(turn, judge, assert_term):
    with turn(discriminator=judge(two=True)) as play:

        def formula():
            real, fake = judged(play, play.real).features, judged(play, made(play)).features
            return sum(mean(abs(r - f).flatten()) for (r,), (f,) in zip(real, fake, strict=True))

        assert_term(FeatureMatching(by="pictures"), play, formula)


def test_what_the_discriminator_has_not_cannot_be_matched(turn):
    with turn() as play:
        for wrong in (2, -3):
            with pytest.raises(ValueError, match=f"has 2 features, and none of number {wrong}"):
                FeatureMatching(layers=(0, wrong))(play)


def pull_away(embedding):
    total, count = 0, len(embedding)
    for i in range(count):
        for j in range(count):
            if j != i:
                cosine = embedding[i] @ embedding[j] / (embedding[i].norm() * embedding[j].norm())
                total = total + cosine**2
    return total / (count * (count - 1))


def test_pull_away(turn, judge, assert_term):
    with turn() as play:
        assert_term(PullAway(), play, lambda: pull_away(judged(play, made(play)).embedding))
    with turn(discriminator=judge(two=True)) as play:
        assert_term(PullAway(), play, lambda: sum(map(pull_away, judged(play, made(play)).embedding)))


def test_one_picture_is_not_pulled_away_from_itself(turn):
    with turn() as play:
        output = play.fake_output
        play.fake_output = replace(output, embedding=output.embedding[:1])
        assert PullAway()(play).item() == 0


@pytest.mark.parametrize(
    "spec", [{}, {"classes": 3}, {"source": (2, 4, 4)}], ids=["alone", "conditional", "from sources"]
)
def test_mode_seeking(turn, pictures, assert_term, spec):
    with turn(data=pictures(**spec), conditional="classes" in spec) as play:
        generator = play.networks["generator"]
        play.z = play.z.double()  # the distance of float32 noise is rounded

        def generate(z, k):
            given = [z[None], None if play.labels is None else play.labels[k : k + 1]]
            return generator(*given if play.source is None else [play.source[k : k + 1], *given])

        def formula():
            # The next picture's noise, in this one's condition; alone, that is the next picture.
            pairs = [(k, (k - 1) % 4) for k in range(4)]
            images = mean(abs(generate(play.z[k], k) - generate(play.z[j], k)).mean() for k, j in pairs)
            return 1 / (images / mean(abs(play.z[k] - play.z[j]).mean() for k, j in pairs) + 1e-5)

        assert_term(ModeSeeking(), play, formula)


def test_a_single_picture_seeks_away_from_noise_of_its_own(turn, assert_term):
    with turn(train={"batch_size": 1, "device": "cpu"}) as play:
        play.z, play.fake = play.z[:1], play.fake[:1]
        other = play.random("mode-seeking").normal(1, 6)
        play._draws -= 1

        def formula():
            return 1 / (abs(made(play) - made(play, other)).mean() / abs(play.z - other).mean() + 1e-5)

        assert_term(ModeSeeking(), play, formula)


@pytest.mark.parametrize("batch", [{"batch_size": 1}, {"batch_size": 4, "accumulate": 4}], ids=str)
def test_mode_seeking_of_single_pictures_moves_the_generator(make_match, batch):
    penalty = ModeSeeking()
    match = make_match(penalties=[penalty], train={**batch, "device": "cpu"})
    match.gradients("generator")
    assert 0 < match.terms["generator/mode-seeking"].item() < 1e4


def gdpp(real, fake):
    def spectrum(embedding):
        phi = torch.stack([row / (row**2).sum() ** 0.5 for row in embedding])
        left, singular, _ = torch.linalg.svd(phi)
        return singular**2, left.T  # eigenvalues of ΦΦᵀ, descending, and eigenvectors in rows

    (values, vectors), (others, other_vectors) = spectrum(real), spectrum(fake)
    total = 0
    for value, vector, other, other_vector in zip(values, vectors, others, other_vectors, strict=True):
        share = (value - values[-1]) / (values[0] - values[-1])
        cosine = vector @ other_vector / (vector.norm() * other_vector.norm())
        total = total + abs(value - other) - share * abs(cosine)
    return total


def test_gdpp(turn, assert_term):
    with turn() as play:
        assert_term(GDPP(), play, lambda: gdpp(judged(play, play.real).embedding, judged(play, made(play)).embedding))


def test_gdpp_of_more_pictures_than_the_embedding_has_numbers_has_a_finite_gradient(turn):
    with turn() as play:
        numbers = torch.Generator().manual_seed(0)
        real, fake = (torch.randn(9, 3, generator=numbers, dtype=torch.float64).requires_grad_() for _ in range(2))
        play.real_output = DiscriminatorOutput(None, embedding=real)
        play.fake_output = DiscriminatorOutput(None, embedding=fake)
        (gradient,) = torch.autograd.grad(GDPP()(play), fake)
        assert gradient.isfinite().all()
        assert gradient.abs().max() > 0


ALIKE = {
    "orthogonal": torch.eye(4),
    "equal": torch.ones(4, 4),
    "two by two": torch.eye(4)[[0, 0, 1, 1]],
    "nothing": torch.zeros(4, 4),
    "nothing but one": torch.eye(4) * torch.tensor([1.0, 0, 0, 0]),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", ALIKE)
def test_gdpp_of_equal_eigenvalues_has_a_gradient(turn, name, dtype):
    with turn() as play:
        real = torch.randn(4, 4, generator=torch.Generator().manual_seed(0)).to(dtype)
        for others in (real, ALIKE[name].to(dtype)):
            fake = ALIKE[name].to(dtype).requires_grad_()
            play.real_output = DiscriminatorOutput(None, embedding=others)
            play.fake_output = DiscriminatorOutput(None, embedding=fake)
            (gradient,) = torch.autograd.grad(GDPP()(play), fake)
            assert gradient.isfinite().all()
            assert name != "nothing" or gradient.abs().max() < 1e7


SIDES = pytest.mark.parametrize("side", ["discriminator", "generator"])


def headed(judge, name, **parameters):
    return {"name": f"losses/{name}", "base": judge(single=True), **parameters}


def doubled(play):
    """A head is built for float32, as all networks are."""
    play.networks["discriminator"].double()
    return play


def of_side(play, side):
    return play.real if side == "discriminator" else made(play)


@SIDES
@pytest.mark.parametrize("classes", [None, 3])
def test_rotation(turn, judge, pictures, assert_term, side, classes):
    data = {"data": pictures(classes=classes), "conditional": classes is not None}
    with turn(side, discriminator=headed(judge, "rotation-head"), **data) as play:
        doubled(play)

        def formula():
            losses = []
            for image in of_side(play, side):
                for turns in range(4):
                    turned = image
                    for _ in range(turns):
                        turned = turned.flip(2).transpose(1, 2)  # a quarter turn, against the clock
                    told = play.networks["discriminator"](turned[None]).extra["rotation"][0]
                    losses.append(-(told[turns].exp() / told.exp().sum()).log())
            return mean(losses)

        penalty = Rotation(side=side)
        assert penalty.player == side
        assert_term(penalty, play, formula)


def test_rotation_judges_pictures_under_their_labels(turn, judge, pictures):
    data = {"data": pictures(classes=3), "conditional": True}
    with turn("discriminator", discriminator=headed(judge, "rotation-head"), **data) as play:
        seen = []
        doubled(play).networks["discriminator"].register_forward_pre_hook(lambda m, given: seen.append(given))
        Rotation()(play)
        ((images, labels),) = seen
        for turns in range(4):
            assert torch.equal(images[4 * turns : 4 * turns + 4], play.real.rot90(turns, (2, 3)))
            assert torch.equal(labels[4 * turns : 4 * turns + 4], play.labels)


@SIDES
def test_infomax(turn, judge, assert_term, side):
    with turn(side, discriminator=headed(judge, "infomax-head", size=6)) as play:
        doubled(play)

        def formula():
            extra = judged(play, of_side(play, side)).extra
            local, whole = extra["local"].flatten(2), extra["global"]
            places = [local[n, :, m] for n in range(4) for m in range(local.shape[2])]
            losses = []
            for n in range(4):
                everything = sum((place @ whole[n]).exp() for place in places)
                losses += [-((local[n, :, m] @ whole[n]).exp() / everything).log() for m in range(local.shape[2])]
            return mean(losses)

        assert_term(InfoMax(side=side), play, formula)


@SIDES
@pytest.mark.parametrize("categories", [0, 3, 5])
def test_mutual_information(turn, judge, assert_term, side, categories):
    with turn(side, discriminator=headed(judge, "code-head", codes=5)) as play:
        doubled(play)

        def formula():
            losses = []
            for z, told in zip(play.z, judged(play, made(play)).extra["codes"], strict=True):
                loss = sum((c - t) ** 2 / 2 for c, t in zip(z[categories:5], told[categories:], strict=True))
                if categories:
                    place = max(range(categories), key=lambda k: z[k])
                    loss = loss - (told[place].exp() / told[:categories].exp().sum()).log()
                losses.append(loss)
            return mean(losses)

        assert_term(MutualInformation(side=side, categories=categories), play, formula)


def test_no_more_codes_are_a_category_than_there_are(turn, judge):
    with (
        turn(discriminator=headed(judge, "code-head", codes=5)) as play,
        pytest.raises(ValueError, match="6 of the codes, of which the discriminator tells 5"),
    ):
        MutualInformation(side="generator", categories=6)(doubled(play))


@pytest.mark.parametrize(
    ("component", "wrong"),
    [
        (WassersteinDivergence, {"power": 1}),
        (QuadraticPotential, {"scale": 0}),
        (FeatureMatching, {"layers": []}),
        (ModeSeeking, {"epsilon": 0}),
        (Rotation, {"side": "encoder"}),
        (MutualInformation, {"categories": -1}),
        (GDPP, {"weight": -1}),
    ],
    ids=str,
)
def test_parameters_out_of_range_are_refused(component, wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        component(**wrong)
