"""Gaussians of a batch's embeddings, for fewer pictures than dimensions, in float64."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor


class Covariance:
    """RᵀR + r·I of rows R (M, D), which is never formed: everything goes through the Gram matrix RRᵀ (M, M).

    So it is as quick for thousands of dimensions as for ten, and positive definite however few the pictures.
    """

    def __init__(self, rows: Tensor, ridge: Tensor) -> None:
        self.rows = rows
        self.ridge = ridge
        factor, failed = torch.linalg.cholesky_ex(rows @ rows.T + ridge * _identity(rows))
        # That of rows which are not finite is not either: a device is not waited for to say so.
        self.factor = torch.where(failed > 0, torch.nan, factor)

    def solve(self, directions: Tensor) -> Tensor:
        """The inverse times each of the directions (K, D), by Woodbury's identity."""
        inner = torch.cholesky_solve(self.rows @ directions.T, self.factor)
        solved: Tensor = (directions - inner.T @ self.rows) / self.ridge
        return solved

    def log_det(self) -> Tensor:
        """log det of the covariance less that of r·I, by Sylvester's identity; a scalar."""
        logarithm: Tensor = 2 * self.factor.diagonal().log().sum() - len(self.rows) * self.ridge.log()
        return logarithm


class Groups:
    """Embeddings (N, D) of pictures in groups, which labels (N,) tell apart: their means, and the scatter within.

    The scatter within groups is S = (1 - γ)·S_w + (γ·tr(S_w)/D + ε)·I, S_w being that of the batch. γ is a number, or
    None for Ledoit and Wolf's estimate. `means` (N, D) repeats each group's mean for its pictures, so that sums over
    pictures weigh groups by their share.
    """

    def __init__(self, embedding: Tensor, labels: Tensor, shrinkage: float | None, epsilon: float) -> None:
        self.labels = labels
        points = embedding.double()
        together = (labels[:, None] == labels).to(points)
        self.means = together @ points / together.sum(dim=1, keepdim=True)
        self.centre = points.mean(dim=0)
        centred = points - self.means
        share = ledoit_wolf(centred) if shrinkage is None else torch.full_like(points[0, 0], shrinkage)
        self.ridge = share * centred.square().mean() + epsilon
        self.rows = centred * (1 - share).sqrt() / sqrt(len(points))
        self.within = Covariance(self.rows, self.ridge)

    def separability(self) -> Tensor:
        """log det(S + S_b) - log det S = Σ log(1 + v), v being the eigenvalues of S⁻¹S_b: minus log of Wilks' Λ."""
        between = (self.means - self.centre) / sqrt(len(self.means))
        products = between @ self.within.solve(between).T
        logarithm: Tensor = torch.linalg.slogdet(products + _identity(products)).logabsdet
        return logarithm

    def log_posterior(self, embedding: Tensor, labels: Tensor) -> Tensor:
        """(M,) log P(label | embedding), the groups being Gaussians of one covariance S, as likely as they are large.

        This is linear discriminant analysis: the log-odds of two groups are linear, with the normal S⁻¹(μ₁ - μ₂).
        """
        normals = self.within.solve(self.means)
        scores = embedding.double() @ normals.T - (self.means * normals).sum(dim=1) / 2
        own = scores.masked_fill(labels[:, None] != self.labels, -torch.inf)
        return own.logsumexp(dim=1) - scores.logsumexp(dim=1)

    def covariance(self, label: int, count: int) -> Covariance:
        """That of one group of `count` pictures, shrunk by as much as the scatter within all of them."""
        its = (self.labels == label).to(self.rows)[:, None]
        return Covariance(self.rows * its * sqrt(len(self.rows) / count), self.ridge)


class Gaussian:
    """A group's mean (D,) and covariance."""

    def __init__(self, mean: Tensor, covariance: Covariance) -> None:
        self.mean = mean
        self.covariance = covariance

    def log_density(self, embedding: Tensor) -> Tensor:
        """(M,) of embeddings (M, D); what Gaussians of the same r and D share is left out."""
        difference = embedding.double() - self.mean
        distance = (difference * self.covariance.solve(difference)).sum(dim=1)
        return -(distance + self.covariance.log_det()) / 2


@torch.no_grad()
def ledoit_wolf(centred: Tensor) -> Tensor:
    """Ledoit and Wolf's share γ in [0, 1] of the identity, for centred embeddings (N, D); it passes no gradient.

    "A well-conditioned estimator for large-dimensional covariance matrices" (2004): the mean squared error of S_w, as
    the spread of the pictures' own xxᵀ shows it, by the squared distance of S_w from the identity's multiple.
    """
    count, size = centred.shape
    gram = centred @ centred.T / count
    squares = gram.square().sum()
    error = gram.diagonal().square().sum() - squares / count
    distance = squares - gram.diagonal().sum().square() / size
    return (error / distance.clamp_min(torch.finfo(gram.dtype).tiny)).clamp(0, 1)


def _identity(rows: Tensor) -> Tensor:
    """(M, M) for rows (M, D)."""
    return torch.eye(len(rows), dtype=rows.dtype, device=rows.device)
