"""Losses against their papers' formulas, written out with loops in float64: values and gradients."""

import math

import pytest
import torch
from ganreg_losses import (
    BinaryEntropy,
    DualContrastive,
    EnergyBased,
    KLWasserstein,
    OutcomesHead,
    Realness,
    Relativistic,
    RelativisticAverage,
    Softmax,
    TopK,
)
from pydantic import ValidationError

from ganreg import DiscriminatorOutput, Loss, Task, component
from ganreg.engine.guards import unsound
from ganreg.errors import SpecError

SHAPES = [(1,), (5,), (3, 1), (2, 1, 3, 2)]


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def sigmoid(y):
    return 1 / (1 + (-y).exp())


def log_d(y):
    return sigmoid(y).log()


def log_not_d(y):
    return (1 - sigmoid(y)).log()


def above(y):
    return torch.where(y > 0, y, 0 * y)


def smoothed(share):
    return lambda r, f: mean(-(1 - share) * log_d(x) - share * log_not_d(x) for x in r) - mean(log_not_d(x) for x in f)


def softmax_parts(r, f):
    z = sum(x.exp() for x in (*r, *f))
    return [-(x.exp() / z).log() for x in r], [-(x.exp() / z).log() for x in f]


def softmax_generator(r, f):
    real, fake = softmax_parts(r, f)
    return sum(real + fake) / (len(r) + len(f))


def dual_contrastive(r, f):
    real = mean(-(x.exp() / (x.exp() + sum(y.exp() for y in f))).log() for x in r)
    return real + mean(-((-y).exp() / ((-y).exp() + sum((-x).exp() for x in r))).log() for y in f)


def ratio_weighted(f):
    partition = mean(y.exp() for y in f).detach()
    return mean((y.exp().detach() / partition) * y for y in f)


def cross_entropy_terms(a, b):
    return mean(-log_d(x) for x in a) + mean(-log_not_d(x) for x in b)


def hinge_terms(a, b):
    return mean(above(1 - x) for x in a) + mean(above(1 + x) for x in b)


def square_terms(a, b):
    return mean((x - 1) ** 2 / 2 for x in a) + mean(x**2 / 2 for x in b)


def paired(terms):
    def discriminator(r, f):
        pairs = list(zip(r, f, strict=True))
        return terms([x - y for x, y in pairs], [y - x for x, y in pairs]) / 2

    return discriminator, lambda r, f: discriminator(f, r)


def averaged(terms):
    def discriminator(r, f):
        return terms([x - mean(f) for x in r], [y - mean(r) for y in f])

    return discriminator, lambda r, f: discriminator(f, r)


def based(combinator, base):
    return combinator(base=component("loss", f"proofs/tiny-{base}"))


FORMULAS = {
    "binary-entropy": (BinaryEntropy(), smoothed(0.1), lambda r, f: mean(-log_d(y) for y in f)),
    "binary-entropy-hard": (BinaryEntropy(smoothing=0), smoothed(0), lambda r, f: mean(-log_d(y) for y in f)),
    "energy-based": (
        EnergyBased(margin=1.5),
        lambda r, f: mean(-x for x in r) + mean(above(1.5 - -y) for y in f),
        lambda r, f: mean(-y for y in f),
    ),
    "softmax": (Softmax(), lambda r, f: mean(softmax_parts(r, f)[0]), softmax_generator),
    "dual-contrastive": (DualContrastive(), dual_contrastive, lambda r, f: -dual_contrastive(r, f)),
    "kl-wasserstein": (
        KLWasserstein(),
        lambda r, f: ratio_weighted(f) - mean(r),
        lambda r, f: -ratio_weighted(f),
    ),
    "relativistic-cross-entropy": (based(Relativistic, "non-saturating"), *paired(cross_entropy_terms)),
    "relativistic-hinge": (based(Relativistic, "hinge"), *paired(hinge_terms)),
    "relativistic-least-squares": (based(Relativistic, "least-squares"), *paired(square_terms)),
    "average-cross-entropy": (based(RelativisticAverage, "non-saturating"), *averaged(cross_entropy_terms)),
    "average-hinge": (based(RelativisticAverage, "hinge"), *averaged(hinge_terms)),
    "average-least-squares": (based(RelativisticAverage, "least-squares"), *averaged(square_terms)),
    "average-wasserstein": (based(RelativisticAverage, "wasserstein"), *averaged(lambda a, b: mean(b) - mean(a))),
}


def leaves(shape, seed, scale=3):
    numbers = torch.Generator().manual_seed(seed)
    made = [scale * torch.randn(shape, generator=numbers, dtype=torch.float64) for _ in range(2)]
    return [values.requires_grad_() for values in made]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_the_published_formula_is_minimized(name, player, shape):
    loss, *formulas = FORMULAS[name]
    for seed in range(3):
        real, fake = leaves(shape, seed)
        value = getattr(loss, player)(DiscriminatorOutput(real), DiscriminatorOutput(fake))
        formula = formulas[player == "generator"]
        expected = formula(list(real.flatten()), list(fake.flatten()))
        torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-9)
        found, wanted = (torch.autograd.grad(v, (real, fake), allow_unused=True) for v in (value, expected))
        torch.testing.assert_close([g for g in found if g is not None], [g for g in wanted if g is not None])


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("size", [-1e4, 1e4])
def test_huge_logits_give_finite_losses_and_gradients(name, size):
    loss, *_ = FORMULAS[name]
    real, fake = (torch.full((3,), size, requires_grad=True) for _ in range(2))
    outputs = DiscriminatorOutput(real), DiscriminatorOutput(fake)
    total = loss.discriminator(*outputs) + loss.generator(*outputs)
    assert total.isfinite()
    assert all(g.isfinite().all() for g in torch.autograd.grad(total, (real, fake)))


def test_of_a_symmetric_base_the_relativistic_loss_is_the_simple_one():
    """Of cross-entropy the simple form is -E[log σ(C(x_r) - C(x_f))] (equation 3 of the paper)."""
    real, fake = leaves((5,), 0)
    loss = based(Relativistic, "non-saturating").discriminator(DiscriminatorOutput(real), DiscriminatorOutput(fake))
    torch.testing.assert_close(loss, -(real - fake).sigmoid().log().mean())


def test_a_share_of_labels_is_exchanged_per_picture():
    loss = BinaryEntropy(smoothing=0.2, flipped=0.25)
    torch.manual_seed(0)
    patches = torch.full((4000, 1, 2, 2), 3.0)
    found = loss.discriminator(DiscriminatorOutput(patches), DiscriminatorOutput(patches))
    called_real, called_fake = math.log1p(math.exp(-3)), math.log1p(math.exp(3))
    kept = 0.8 * called_real + 0.2 * called_fake
    assert found.item() == pytest.approx(kept + called_fake, abs=0.1)  # each side gains what the other one loses
    (first, second) = (loss._entropy(patches, 0.8, 0.0).item() for _ in range(2))
    assert first == pytest.approx(0.75 * kept + 0.25 * called_fake, abs=0.1)
    assert first != second


class OfEmbedding(Loss, name="of-embedding"):
    """Reads something else than logits."""

    requires = frozenset({"embedding", "outcomes"})

    def discriminator(self, real, fake):
        return fake.embedding.mean() - real.embedding.mean()

    def generator(self, real, fake):
        return -fake.embedding.mean()


class Squares(Loss, name="squares"):
    """Serves square pictures."""

    def check(self, task):
        if task.image[1] != task.image[2]:
            raise ValueError("square pictures only")


@pytest.mark.parametrize("combinator", [Relativistic, RelativisticAverage, TopK], ids=lambda c: c.name)
def test_a_base_that_does_not_read_the_logits_is_refused(combinator, make_match):
    base = OfEmbedding()
    for loss in (combinator(base=base), TopK(base=combinator(base=base))):
        with pytest.raises(
            ValueError, match="its base 'of-embedding' reads embedding and outcomes, and not the logits"
        ):
            loss.check(Task((1, 4, 4), 6))
    with pytest.raises(SpecError, match="its base 'of-embedding' reads"):
        make_match(loss=combinator(base=base))
    with pytest.raises(ValueError, match="square pictures only"):
        combinator(base=Squares()).check(Task((1, 4, 6), 6))


@pytest.mark.needs("ganreg-discriminant")
def test_slicing_goes_around_a_relativistic_loss(make_match, judge, pictures):
    spec = {
        "data": pictures(image=(1, 8, 8), single=True),
        "generator": "proofs/tiny-generator",
        "discriminator": {"name": "discriminant/slicing", "base": judge(single=True)},
    }
    sliced, relativistic = {"name": "discriminant/sliced"}, {"name": "losses/relativistic"}
    hinge = "proofs/tiny-hinge"
    match = make_match(loss={**sliced, "base": {**relativistic, "base": hinge}}, **spec)
    match.step()
    assert not unsound(match.networks)
    with pytest.raises(SpecError, match="its base 'sliced' reads direction"):
        make_match(loss={**relativistic, "base": {**sliced, "base": hinge}}, **spec)


def test_one_outcome_tells_nothing():
    with pytest.raises(ValidationError, match="outcomes"):
        OutcomesHead(base=component("discriminator", "proofs/tiny-discriminator"), outcomes=1)


def outcomes(seed, count=3, k=7):
    numbers = torch.Generator().manual_seed(seed)
    values = torch.randn(count, k, generator=numbers, dtype=torch.float64).requires_grad_()
    return values, DiscriminatorOutput(torch.zeros(count), extra={"outcomes": values})


def realness_formulas(objective, real, fake):
    k = real.shape[1]
    density = [math.exp(-((-3 + 6 * i / (k - 1)) ** 2) / 2) for i in range(k)]
    normal = torch.tensor([d / sum(density) for d in density], dtype=torch.float64)
    uniform = torch.tensor([1 / k] * k, dtype=torch.float64)

    def distribution(row):
        return [x.exp() / sum(y.exp() for y in row) for x in row]

    def kl(p, q):
        return sum(a * (a.log() - b.log()) for a, b in zip(p, q, strict=True))

    r, f = [distribution(row) for row in real], [distribution(row) for row in fake]
    discriminator = mean(kl(uniform, q) for q in r) + mean(kl(normal, q) for q in f)
    generator = -mean(kl(normal, q) for q in f)
    if objective == "relative":
        generator = generator + mean(kl(p, q) for p, q in zip(r, f, strict=True))
    if objective == "anchored":
        generator = generator + mean(kl(uniform, q) for q in f)
    return discriminator, generator


@pytest.mark.parametrize("objective", ["fake", "relative", "anchored"])
def test_realness_is_the_papers(objective):
    (real, real_output), (fake, fake_output) = outcomes(1), outcomes(2)
    loss = Realness(objective=objective)
    found = loss.discriminator(real_output, fake_output), loss.generator(real_output, fake_output)
    for value, expected in zip(found, realness_formulas(objective, real, fake), strict=True):
        torch.testing.assert_close(value, expected)
        torch.testing.assert_close(*(torch.autograd.grad(v, fake, retain_graph=True) for v in (value, expected)))


def test_a_generator_of_realness_lowers_its_loss_as_its_outcomes_come_nearer_to_the_real_ones():
    places = torch.linspace(-3, 3, 7)
    anchored, real = (
        DiscriminatorOutput(torch.zeros(3), extra={"outcomes": o.expand(3, 7)})
        for o in (-places.square() / 2, 0 * places)
    )
    for objective in ("fake", "relative", "anchored"):
        loss = Realness(objective=objective)
        assert loss.generator(real, real) < loss.generator(real, anchored)
        assert loss.discriminator(real, anchored) < loss.discriminator(anchored, real)
