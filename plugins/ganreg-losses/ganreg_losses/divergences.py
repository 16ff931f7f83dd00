"""The f-divergences of f-GAN's table, as functions of the discriminator's logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log

from torch import Tensor
from torch.nn.functional import softplus

NEWTON = 8
"""Iterations of `wright_omega`: one or two more than float64 needs."""


@dataclass(frozen=True)
class Divergence:
    """One row: functions of the logits v and of the row's parameter p, where it has one.

    activation: g(v). conjugate: f*(g(v)), put together in a form that overflows no sooner than its value does.
    """

    activation: Callable[[Tensor, float], Tensor]
    conjugate: Callable[[Tensor, float], Tensor]


def wright_omega(y: Tensor) -> Tensor:
    """Lambert's W(e^y): the w with w + log w = y, by Newton's method."""
    w = softplus(y)
    for _ in range(NEWTON):
        w = w * (1 + y - w.log()) / (1 + w)
    return w


def _jeffrey(v: Tensor, p: float) -> Tensor:
    w = wright_omega(1 - v)
    return w + 1 / w + v - 2


def _alpha(v: Tensor, p: float) -> Tensor:
    return 1 / (1 - p) - softplus(-v) if p < 1 else v


def _alpha_conjugate(v: Tensor, p: float) -> Tensor:
    base: Tensor = (1 - p) * softplus(-v) if p < 1 else (1 + (p - 1) * v).relu()
    return (base ** (p / (p - 1)) - 1) / p


DIVERGENCES: Mapping[str, Divergence] = {
    "total-variation": Divergence(lambda v, p: v.tanh() / 2, lambda v, p: v.tanh() / 2),
    "kullback-leibler": Divergence(lambda v, p: v, lambda v, p: (v - 1).exp()),
    "reverse-kl": Divergence(lambda v, p: -(-v).exp(), lambda v, p: v - 1),
    "pearson": Divergence(lambda v, p: v, lambda v, p: v.square() / 4 + v),
    "neyman": Divergence(lambda v, p: 1 - (-v).exp(), lambda v, p: 2 - 2 * (-v / 2).exp()),
    "squared-hellinger": Divergence(lambda v, p: 1 - (-v).exp(), lambda v, p: v.exp() - 1),
    "jeffrey": Divergence(lambda v, p: v, _jeffrey),
    "jensen-shannon": Divergence(lambda v, p: log(2) - softplus(-v), lambda v, p: softplus(v) - log(2)),
    "jensen-shannon-weighted": Divergence(
        lambda v, p: -p * log(p) - softplus(-v),
        lambda v, p: (1 - p) * (log(1 - p) - (-(-softplus(-v) / p).expm1()).log()),
    ),
    "gan": Divergence(lambda v, p: -softplus(-v), lambda v, p: softplus(v)),
    "alpha": Divergence(_alpha, _alpha_conjugate),
}
