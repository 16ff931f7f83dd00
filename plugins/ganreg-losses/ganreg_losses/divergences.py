"""The f-divergences of f-GAN's table, as functions of the discriminator's logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor
from torch.nn.functional import softplus

NEWTON = 8
"""Iterations of `log_wright_omega`: one or two more than float64 needs."""


@dataclass(frozen=True)
class Divergence:
    """One row: functions of the logits v and of the row's parameter p, where it has one.

    activation: g(v). conjugate: f*(g(v)), put together in a form that overflows no sooner than its value does.
    """

    activation: Callable[[Tensor, float], Tensor]
    conjugate: Callable[[Tensor, float], Tensor]


def log_wright_omega(y: Tensor) -> Tensor:
    """log W(e^y), Lambert's W(e^y) being the w with w + log w = y, by Newton's method; far below 0 it is y."""
    far = _far(y)
    inner = y.clamp(min=far)
    w = softplus(inner)
    for _ in range(NEWTON):
        w = w * (1 + inner - w.log()) / (1 + w)
    return torch.where(y < far, y, w.log())


def log_softplus(y: Tensor) -> Tensor:
    """log sp(y), which far below 0 is y, where sp(y) underflows."""
    far = _far(y)
    return torch.where(y < far, y, softplus(y.clamp(min=far)).log())


def _far(y: Tensor) -> float:
    """Below it 1 + e^y is 1."""
    return log(torch.finfo(y.dtype).eps)


def _jeffrey(v: Tensor, p: float) -> Tensor:
    log_w = log_wright_omega(1 - v)
    return log_w.exp() + (-log_w).exp() + v - 2


def _jensen_shannon_weighted(v: Tensor, p: float) -> Tensor:
    """With x = sp(-v)/p it has log(1 - e^-x), which is log x where x is small."""
    far = _far(v)
    near = (-(-softplus((-v).clamp(min=far)) / p).expm1()).log()
    return (1 - p) * (log(1 - p) - torch.where(-v < far, -v - log(p), near))


def _alpha(v: Tensor, p: float) -> Tensor:
    return 1 / (1 - p) - softplus(-v) if p < 1 else v


def _alpha_conjugate(v: Tensor, p: float) -> Tensor:
    power = p / (p - 1)
    if p < 1:  # by logarithms, as sp(-v) underflows
        return ((power * (log(1 - p) + log_softplus(-v))).exp() - 1) / p
    conjugate: Tensor = ((1 + (p - 1) * v).relu() ** power - 1) / p
    return conjugate


DIVERGENCES: Mapping[str, Divergence] = {
    "total-variation": Divergence(lambda v, p: v.tanh() / 2, lambda v, p: v.tanh() / 2),
    "kullback-leibler": Divergence(lambda v, p: v, lambda v, p: (v - 1).exp()),
    "reverse-kl": Divergence(lambda v, p: -(-v).exp(), lambda v, p: v - 1),
    "pearson": Divergence(lambda v, p: v, lambda v, p: v.square() / 4 + v),
    "neyman": Divergence(lambda v, p: 1 - (-v).exp(), lambda v, p: 2 - 2 * (-v / 2).exp()),
    "squared-hellinger": Divergence(lambda v, p: 1 - (-v).exp(), lambda v, p: v.exp() - 1),
    "jeffrey": Divergence(lambda v, p: v, _jeffrey),
    "jensen-shannon": Divergence(lambda v, p: log(2) - softplus(-v), lambda v, p: softplus(v) - log(2)),
    "jensen-shannon-weighted": Divergence(lambda v, p: -p * log(p) - softplus(-v), _jensen_shannon_weighted),
    "gan": Divergence(lambda v, p: -softplus(-v), lambda v, p: softplus(v)),
    "alpha": Divergence(_alpha, _alpha_conjugate),
}
