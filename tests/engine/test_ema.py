"""The moving average against its formula."""

import torch
from torch import nn

from ganreg.engine.ema import Ema


def test_weights_follow_the_formula_and_buffers_are_copied() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).double()
    ema = Ema({"g": network}, decay=0.5)
    expected = network[0].weight.detach().clone()
    for step in range(12):
        with torch.no_grad():
            network[0].weight.add_(torch.randn(2, 2))
            network[1].running_mean.add_(1)
        ema.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * network[0].weight.detach()
    assert torch.allclose(ema.networks["g"][0].weight, expected, atol=1e-12)
    assert torch.equal(ema.networks["g"][1].running_mean, network[1].running_mean)
    assert not any(p.requires_grad for p in ema.networks["g"].parameters())
