"""Orthogonal regularization and clipping, of either player's weights."""

import pytest
import torch
from ganreg_penalties import Orthogonal
from torch import nn


def overlaps(matrix, norms):
    """Σ_{i≠j} (w_i·w_j)², and with norms Σ_i (w_i·w_i - 1)² as well; row by row."""
    total = 0
    for i, one in enumerate(matrix):
        for j, other in enumerate(matrix):
            if i != j:
                total = total + (one * other).sum() ** 2
            elif norms:
                total = total + ((one * other).sum() - 1) ** 2
    return total


@pytest.mark.parametrize("norms", [False, True])
def test_the_filters_of_a_layer_are_compared_with_each_other(make_match, make_play, parts, assert_same, norms):
    class Layers(parts["ripples"], name="layers"):
        def build(self, task):
            network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2))
            network.append(nn.Unflatten(1, (2, 1, 1))).append(nn.ConvTranspose2d(2, 3, 2)).append(nn.Flatten())
            network.labels = nn.Embedding(5, 4)
            return network.double()

    play = make_play(discriminator=Layers())
    network = play.networks["discriminator"]
    matrices = [network[0].weight.flatten(1), network[3].weight, network[5].weight.transpose(0, 1).flatten(1)]
    assert [len(m) for m in matrices] == [3, 2, 3]
    assert_same(Orthogonal(norms=norms)(play), sum(overlaps(m, norms) for m in matrices), network)


def test_orthogonal_filters_cost_nothing(make_play, parts):
    class Upright(parts["ripples"], name="upright"):
        def build(self, task):
            return nn.Sequential(nn.Flatten(), nn.utils.parametrizations.orthogonal(nn.Linear(16, 4)).double())

    play = make_play(discriminator=Upright())
    with torch.no_grad():
        play.networks["discriminator"][1].parametrizations.weight.original.copy_(torch.eye(4, 16))
    assert Orthogonal(norms=True)(play).item() == 0
    assert play.networks["discriminator"][1].parametrizations.weight.original.requires_grad


@pytest.mark.parametrize("side", ["generator", "discriminator"])
def test_the_weights_of_the_side_and_what_is_trained_of_them_are_meant(make_match, make_play, parts, side):
    match = make_match(
        data=parts["pictures"](image=(1, 8, 8), double=False),
        generator={"name": "proofs/tiny-generator", "normalized": True},
        discriminator={"name": "penalties/spectral", "base": "proofs/tiny-discriminator"},
    )
    before = {key: value.clone() for key, value in match.networks[side].state_dict().items()}
    value = Orthogonal(side=side)(make_play(side, match=match))
    own = match.player(side).parameters
    found = torch.autograd.grad(value, own, allow_unused=True)
    assert all((g is not None) == (p.dim() > 1) for g, p in zip(found, own, strict=True))
    after = match.networks[side].state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
