"""Cross-validated discriminant analysis of two sides, and the axis along which they spread most."""

from __future__ import annotations

import torch
from torch import Tensor

from ganreg_discriminant.networks.scatter import Groups

EPSILON = 1e-6
"""Added to a covariance's diagonal, for features that are constant."""


def separability(r: Tensor, f: Tensor) -> dict[str, float]:
    """Fisher's criterion, error and AUC of both sides' log-odds (N,)."""
    apart = (r.mean() - f.mean()).square()
    spread = r.var(correction=0) + f.var(correction=0) + EPSILON * apart  # so the criterion is finite, below 1/EPSILON
    return {
        "fisher": (apart / spread.clamp_min(torch.finfo(spread.dtype).tiny)).item(),
        "error": (((r < 0).double().mean() + (f > 0).double().mean()) / 2).item(),
        "auc": area(r, f),
    }


def left_out(real: Tensor, fake: Tensor, folds: int) -> tuple[Tensor, Tensor]:
    """The log-odds (N,) of both sides' features (N, D), each from an analysis of the other folds."""
    features = torch.cat([real, fake])
    sides = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))]).to(features.device)
    fold = torch.cat([torch.arange(len(real)), torch.arange(len(fake))]).to(features.device) % folds
    odds = torch.zeros(len(features), dtype=torch.float64, device=features.device)
    for index in range(min(folds, len(real), len(fake))):
        judged = fold == index
        groups = Groups(features[~judged], sides[~judged], None, EPSILON)
        odds[judged] = log_odds(groups, features[judged])
    return odds[sides == 1], odds[sides == 0]


def widest(features: Tensor) -> Tensor:
    """(N,) the first principal component of features (N, D), of either sign the one whose skew is positive."""
    centred = (features - features.mean(0)).double()
    # Of the two products the smaller: there are fewer pictures than pixels, or more pictures than features.
    if len(centred) < centred.shape[1]:
        scores = torch.linalg.eigh(centred @ centred.T)[1][:, -1]
        scores = scores * (centred.T @ scores).norm()
    else:
        scores = centred @ torch.linalg.eigh(centred.T @ centred)[1][:, -1]
    return scores * torch.where(scores.pow(3).sum() < 0, -1.0, 1.0)


def log_odds(groups: Groups, features: Tensor) -> Tensor:
    """(M,) w·φ + b, positive on the side whose label is 1; both sides are taken for equally likely."""
    real, fake = (groups.means[groups.labels == side][:1] for side in (1, 0))
    normal = groups.within.solve(real - fake)[0]
    return features.double() @ normal - normal @ (real + fake)[0] / 2


def area(real: Tensor, fake: Tensor) -> float:
    """The share of pairs in which the real one has the larger value; equal ones count half (Mann & Whitney, 1947)."""
    difference = real[:, None] - fake
    return ((difference > 0).double() + (difference == 0).double() / 2).mean().item()
