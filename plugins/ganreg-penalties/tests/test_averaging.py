"""Penalties with a memory, against their formulas with the average written out by hand."""

import pytest
import torch
from ganreg_penalties import HistoricalAveraging, LeCam, PathLength
from torch import nn

from ganreg import Generator
from ganreg.errors import SpecError


class Mapped(Generator, name="mapped"):
    """z to w = Bz to G(w) = tanh(Aw); with layers, one w for each, and G(w) = tanh(Σ A_l w_l)."""

    provides = frozenset({"mapping"})
    layers: int = 0

    def build(self, task):
        return MappedNetwork(task, self.layers)


class MappedNetwork(nn.Module):
    def __init__(self, task, layers):
        super().__init__()
        self.layers = layers
        self.a = nn.Parameter(torch.randn(max(layers, 1), 16, 5, dtype=torch.float64))
        self.b = nn.Parameter(torch.randn(5, task.latent, dtype=torch.float64))
        self.label = nn.Parameter(torch.randn(task.classes or 1, 5, dtype=torch.float64))

    def mapping(self, z, labels=None):
        w = z.double() @ self.b.T + (0 if labels is None else self.label[labels])
        return w[:, None].repeat(1, self.layers, 1) if self.layers else w

    def synthesis(self, w):
        return torch.einsum("lio,nlo->ni", self.a, w if self.layers else w[:, None]).tanh().reshape(-1, 1, 4, 4)

    def forward(self, z, labels=None):
        return self.synthesis(self.mapping(z, labels))


def lengths_by_hand(network, play, y):
    """‖Jᵀy‖, with the derivative of tanh written out."""
    if not isinstance(network, MappedNetwork):
        inner = play.z.double() @ network.a.T + (0 if play.labels is None else network.c[play.labels])
        return (((1 - inner.tanh() ** 2) * y) @ network.a).norm(dim=1)
    w = network.mapping(play.z, play.labels)
    w = w if network.layers else w[:, None]
    inner = sum(w[:, layer] @ network.a[layer].T for layer in range(w.shape[1]))
    jacobians = [((1 - inner.tanh() ** 2) * y) @ network.a[layer] for layer in range(w.shape[1])]
    return (sum((j**2).sum(dim=1) for j in jacobians) / len(jacobians)).sqrt()


@pytest.mark.parametrize("conditional", [False, True], ids=["unconditional", "conditional"])
@pytest.mark.parametrize(
    ("generator", "latent"), [(None, None), (Mapped(), None), (Mapped(layers=3), "w"), (Mapped(), "z")]
)
def test_path_length_is_the_formula(make_play, parts, stream, assert_same, generator, latent, conditional):
    generator = generator or parts["waves"]()
    play = make_play("generator", generator=generator, conditional=conditional)
    play.z = play.noise.double()  # gradients have the dtype of what they are taken by
    penalty = PathLength(decay=0.25, latent=latent).build(None).double()
    penalty.mean.fill_(0.4)
    network = play.networks["generator"]
    y = stream("path-length", "generator").normal(4, 16) / 4
    lengths = lengths_by_hand(network, play, y)
    if latent == "z":
        inner = network.mapping(play.z, play.labels) @ network.a[0].T
        lengths = (((1 - inner.tanh() ** 2) * y) @ network.a[0] @ network.b).norm(dim=1)
    a = 0.75 * 0.4 + 0.25 * lengths.mean().detach()
    assert_same(penalty(play), sum((lengths[k] - a) ** 2 for k in range(4)) / 4, network)
    assert penalty.mean.item() == pytest.approx(0.4)
    penalty.after_update(play)
    assert penalty.mean.item() == pytest.approx(a.item(), rel=1e-12)


def test_w_is_refused_where_there_is_none(make_match, parts):
    with pytest.raises(SpecError, match="needs mapping"):
        make_match(generator=parts["waves"](), penalties=[PathLength(latent="w")])
    make_match(generator=Mapped(), penalties=[PathLength(latent="w")]).step()


def test_lecam_is_the_formula_and_its_anchors_follow(make_match, make_play, assert_same):
    match = make_match()
    penalty = LeCam(decay=0.75).build(None).double()
    real, fake = 0.0, 0.0
    for _ in range(3):
        play = make_play(match=match)
        network = play.networks["discriminator"]
        at_real, at_fake = network(play.real), network(play.fake)
        expected = sum((at_real[k] - fake) ** 2 + (at_fake[k] - real) ** 2 for k in range(4)) / 4
        assert_same(penalty(play), expected, network)
        penalty.after_update(play)
        real = 0.75 * real + 0.25 * at_real.mean().item()
        fake = 0.75 * fake + 0.25 * at_fake.mean().item()
        assert (penalty.real.item(), penalty.fake.item()) == pytest.approx((real, fake), rel=1e-12)
        match.position += 1
    penalty.after_update(make_play("generator"))
    assert penalty.real.item() == pytest.approx(real, rel=1e-12)


def test_lecam_of_several_scales_sums_their_terms(make_play, parts):
    play = make_play(discriminator=parts["two-scales"]())
    penalty = LeCam().build(None).double()
    penalty.real.fill_(0.5)
    penalty.fake.fill_(-0.5)
    patches, whole = play.discriminate(play.real).logits
    fake_patches, fake_whole = play.discriminate(play.fake).logits
    expected = ((patches + 0.5) ** 2).mean() + ((whole + 0.5) ** 2).mean()
    expected = expected + ((fake_patches - 0.5) ** 2).mean() + ((fake_whole - 0.5) ** 2).mean()
    torch.testing.assert_close(penalty(play), expected)


def test_lecam_starts_where_it_is_told(make_match):
    match = make_match(penalties=[LeCam(start=2)])
    seen = []
    for _ in range(3):
        match.step()
        seen.append("discriminator/lecam" in match.terms)
    assert seen == [False, False, True]
    assert match.parts.penalties[0].built.real.item() != 0


@pytest.mark.parametrize("side", ["discriminator", "generator"])
def test_historical_averaging_is_the_formula(make_match, assert_same, side):
    match = make_match(penalties=[HistoricalAveraging(side=side, weight=3)])
    penalty = match.parts.penalties[0].built
    network = match.networks[side]
    past = []

    def distance(here):
        return sum(((here[name] - sum(then[name] for then in past) / len(past)) ** 2).sum() for name in here)

    for _ in range(4):
        match.step()
        expected = 3 * distance(past[-1]).item() if past else 0
        assert match.terms[f"{side}/historical-averaging"].item() == pytest.approx(expected, rel=1e-9)
        past.append({name: p.detach().clone() for name, p in network.named_parameters()})
    with match._only(side):
        match.gradients(side)
        assert_same(penalty(match._plays[side][-1]), distance(dict(network.named_parameters())), network)
