"""Boundaries between classes against their papers' formulas, by loops over pictures: values and gradients."""

from types import SimpleNamespace

import pytest
import torch
from ganreg_discriminant import conditional
from torch.nn.functional import normalize

from ganreg import DiscriminatorOutput, Task

CLASSES = 4
LABELS = torch.tensor([2, 0, 3, 2, 0, 2])
SIDES = pytest.mark.parametrize("side", ["discriminator", "generator"])


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def said(seed, **shapes):
    """An output with random numbers by name, and these numbers."""
    numbers = torch.Generator().manual_seed(seed)
    drawn = {
        name: (2 * torch.randn(len(LABELS), *shape, generator=numbers, dtype=torch.float64)).requires_grad_()
        for name, shape in shapes.items()
    }
    class_logits = drawn.get("class_logits")
    extra = {name: value for name, value in drawn.items() if name != "class_logits"}
    output = DiscriminatorOutput(torch.zeros(len(LABELS)), class_logits=class_logits, labels=LABELS, extra=extra)
    return output, drawn


def both_sides(**shapes):
    (real, r), (fake, f) = said(1, **shapes), said(2, **shapes)
    play = SimpleNamespace(real_output=real, fake_output=fake, gather=lambda output: output)
    return play, r, f, [*r.values(), *f.values()]


def log_share(logits, index):
    return (logits[index].exp() / sum(x.exp() for x in logits)).log()


def above(x):
    return x.clamp(min=0)


def test_multi_hinge(assert_same):
    play, r, f, leaves = both_sides(class_logits=(CLASSES,), generated=())

    def term(side, i, wanted):
        logits = [*side["class_logits"][i], side["generated"][i]]
        own = logits.pop(wanted)
        return above(1 - own + max(logits))

    pictures = range(len(LABELS))
    discriminator = mean(term(r, i, LABELS[i]) for i in pictures) + mean(term(f, i, CLASSES) for i in pictures)
    loss = conditional.MultiHinge()
    assert_same(loss.discriminator(play.real_output, play.fake_output), discriminator, leaves)
    assert_same(loss.generator(None, play.fake_output), mean(term(f, i, LABELS[i]) for i in pictures), leaves)


def test_omni(assert_same):
    play, r, f, leaves = both_sides(class_logits=(CLASSES,), real=(), generated=())

    def term(side, i, positive):
        logits = [*side["class_logits"][i], side["real"][i], side["generated"][i]]
        negatives = sum(s.exp() for k, s in enumerate(logits) if k not in positive)
        return (1 + negatives).log() + (1 + sum((-logits[k]).exp() for k in positive)).log()

    def called_real(side):
        return mean(term(side, i, {int(label), CLASSES}) for i, label in enumerate(LABELS))

    called_generated = mean(term(f, i, {CLASSES + 1}) for i in range(len(LABELS)))
    loss = conditional.Omni()
    assert_same(loss.discriminator(play.real_output, play.fake_output), called_real(r) + called_generated, leaves)
    assert_same(loss.generator(None, play.fake_output), called_real(f), leaves)


def entropy(logits, labels=LABELS):
    return mean(-log_share(row, label) for row, label in zip(logits, labels, strict=True))


@SIDES
@pytest.mark.parametrize("generated", [True, False])
def test_auxiliary_classifier(side, generated, assert_same):
    play, r, f, leaves = both_sides(class_logits=(CLASSES,))
    expected = entropy(f["class_logits"])
    if side == "discriminator":
        expected = entropy(r["class_logits"]) + generated * expected
    assert_same(conditional.AuxiliaryClassifier(side=side, generated=generated)(play), expected, leaves)


@SIDES
def test_twin_auxiliary(side, assert_same):
    play, _, f, leaves = both_sides(class_logits=(CLASSES,), twin_logits=(CLASSES,))
    expected = entropy(f["twin_logits"]) * (1 if side == "discriminator" else -1)
    assert_same(conditional.TwinAuxiliary(side=side)(play), expected, leaves)


@SIDES
def test_auxiliary_discriminative(side, assert_same):
    play, r, f, leaves = both_sides(class_logits=(CLASSES,), generated_logits=(CLASSES,))
    real, fake = (torch.cat([s["class_logits"], s["generated_logits"]], dim=1) for s in (r, f))
    expected = entropy(real) + entropy(fake, LABELS + CLASSES)
    if side == "generator":
        expected = entropy(fake) - entropy(fake, LABELS + CLASSES)
    assert_same(conditional.AuxiliaryDiscriminative(side=side)(play), expected, leaves)


def on_the_sphere(side):
    """Unit vectors of pictures and of their classes, as plain outputs and as leaves of them."""
    play, r, f, leaves = both_sides(projected=(5,), proxies=(5,))
    for output, drawn in ((play.real_output, r), (play.fake_output, f)):
        output.extra.update({name: normalize(value, dim=1) for name, value in drawn.items()})
    output = play.real_output if side == "discriminator" else play.fake_output
    return play, output.extra["projected"], output.extra["proxies"], leaves


@SIDES
def test_contrastive(side, assert_same):
    play, points, proxies, leaves = on_the_sphere(side)

    def term(i, t=0.7):
        own = (points[i] @ proxies[i] / t).exp()
        others = {k: (points[i] @ points[k] / t).exp() for k in range(len(LABELS)) if k != i}
        same = sum(value for k, value in others.items() if LABELS[k] == LABELS[i])
        return -((own + same) / (own + sum(others.values()))).log()

    expected = mean(term(i) for i in range(len(LABELS)))
    assert_same(conditional.Contrastive(side=side, temperature=0.7)(play), expected, leaves)


@SIDES
def test_data_to_data(side, assert_same):
    play, points, proxies, leaves = on_the_sphere(side)

    def term(i, t=0.5):
        near = ((points[i] @ proxies[i] - 0.3).clamp(max=0) / t).exp()
        others = [points[i] @ points[j] for j in range(len(LABELS)) if LABELS[j] != LABELS[i]]
        return -(near / (near + sum((above(likeness - 0.1) / t).exp() for likeness in others))).log()

    expected = mean(term(i) for i in range(len(LABELS)))
    assert_same(conditional.DataToData(side=side, positive=0.3, negative=0.1)(play), expected, leaves)


@pytest.mark.parametrize("part", [conditional.Contrastive(), conditional.DataToData()], ids=lambda part: part.name)
def test_a_batch_of_one_class_is_finite(part):
    play, *_, leaves = on_the_sphere("discriminator")
    play.real_output.labels.zero_()
    try:
        value = part(play)
    finally:
        play.real_output.labels.copy_(torch.tensor([2, 0, 3, 2, 0, 2]))
    assert value.isfinite()
    assert all(s is None or s.isfinite().all() for s in torch.autograd.grad(value, leaves, allow_unused=True))


@pytest.mark.parametrize("part", [conditional.MultiHinge(), conditional.Contrastive()], ids=lambda part: part.name)
def test_runs_without_classes_are_refused(part):
    with pytest.raises(ValueError, match="needs classes"):
        part.check(Task((1, 8, 8), 4))
