"""Cross-validated discriminant analysis of two sides."""

from __future__ import annotations

import torch
from torch import Tensor

from ganreg_discriminant.networks.scatter import Groups

EPSILON = 1e-6
"""Added to a covariance's diagonal, for features that are constant."""


def separability(real: Tensor, fake: Tensor, folds: int) -> dict[str, float]:
    """Fisher's criterion, error and AUC of features (N, D), from the log-odds of pictures that were left out."""
    features = torch.cat([real, fake])
    sides = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))]).to(features.device)
    fold = torch.cat([torch.arange(len(real)), torch.arange(len(fake))]).to(features.device) % folds
    odds = torch.zeros(len(features), dtype=torch.float64, device=features.device)
    for index in range(min(folds, len(real), len(fake))):
        left_out = fold == index
        groups = Groups(features[~left_out], sides[~left_out], None, EPSILON)
        odds[left_out] = log_odds(groups, features[left_out])
    r, f = odds[sides == 1], odds[sides == 0]
    apart = (r.mean() - f.mean()).square()
    spread = r.var(correction=0) + f.var(correction=0) + EPSILON * apart  # so the criterion is finite, below 1/EPSILON
    return {
        "fisher": (apart / spread.clamp_min(torch.finfo(spread.dtype).tiny)).item(),
        "error": (((r < 0).double().mean() + (f > 0).double().mean()) / 2).item(),
        "auc": area(r, f),
    }


def log_odds(groups: Groups, features: Tensor) -> Tensor:
    """(M,) w·φ + b, positive on the side whose label is 1; both sides are taken for equally likely."""
    real, fake = (groups.means[groups.labels == side][:1] for side in (1, 0))
    normal = groups.within.solve(real - fake)[0]
    return features.double() @ normal - normal @ (real + fake)[0] / 2


def area(real: Tensor, fake: Tensor) -> float:
    """The share of pairs in which the real one has the larger value; equal ones count half (Mann & Whitney, 1947)."""
    difference = real[:, None] - fake
    return ((difference > 0).double() + (difference == 0).double() / 2).mean().item()
