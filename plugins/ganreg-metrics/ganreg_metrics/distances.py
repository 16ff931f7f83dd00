"""Distances and scores of features, each from its paper. Features are (N, D) of any float type; float64 inside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ganreg_metrics import enough

ENTRIES = 2**23
"""Distances that are held at once."""
ROUNDING = 1e-12
"""Share of |x|² + |y|² below which a difference of squared distances is rounding, and not of float32 features."""


@dataclass(frozen=True)
class Moments:
    """Mean (D,) and unbiased covariance (D, D) of features, float64."""

    mean: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, values: Tensor) -> Moments:
        """The moments of (N, D). Raises ValueError for fewer than two pictures."""
        enough.for_covariance(len(values))
        mean = values.mean(dim=0, dtype=torch.float64)
        scatter = torch.zeros(len(mean), len(mean), dtype=torch.float64, device=values.device)
        for part in values.split(max(1, ENTRIES // len(mean))):
            centred = part.double() - mean
            scatter += centred.T @ centred
        return cls(mean, scatter / (len(values) - 1))


def frechet(one: Moments, other: Moments) -> float:
    """|μ1 - μ2|² + tr(Σ1 + Σ2 - 2 (Σ1 Σ2)^½) (Heusel et al., 2017; arXiv:1706.08500, equation 6).

    tr (Σ1 Σ2)^½ is the sum of the singular values of Σ1^½ Σ2^½, whose factors are symmetric: no root is taken of a
    product that is not, and a covariance without full rank does no harm.
    """
    shift = (one.mean - other.mean).square().sum()
    overlap = torch.linalg.svdvals(_root(one.covariance) @ _root(other.covariance)).sum()
    found = shift + one.covariance.trace() + other.covariance.trace() - 2 * overlap
    return float(found.clamp(min=0))  # of the same features it is 0 but for rounding


def _root(covariance: Tensor) -> Tensor:
    """Σ^½ of a positive semidefinite matrix; eigenvalues that are rounding alone count as zero."""
    eigenvalues, vectors = torch.linalg.eigh(covariance)
    smallest = eigenvalues[-1].clamp(min=0) * len(covariance) * torch.finfo(covariance.dtype).eps
    roots = eigenvalues.where(eigenvalues > smallest, 0).sqrt()
    return vectors * roots @ vectors.T


def polynomial_mmd(one: Tensor, other: Tensor) -> float:
    """The unbiased estimate of MMD² under k(x, y) = (xᵀy / D + 1)³ (Bińkowski et al., 2018; arXiv:1801.01401).

    1 / m(m - 1) Σ_{i≠j} [k(x_i, x_j) + k(y_i, y_j)] - 2 / m² Σ_{i,j} k(x_i, y_j); it may be negative.
    """
    one, other = one.double(), other.double()

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (x @ y.T / x.shape[1] + 1) ** 3

    def among(x: Tensor) -> Tensor:
        values = kernel(x, x)
        return (values.sum() - values.trace()) / (len(x) * (len(x) - 1))

    return float(among(one) + among(other) - 2 * kernel(one, other).mean())


def kernel_distance(generated: Tensor, real: Tensor, subsets: int, size: int, seed: int = 0) -> tuple[float, float]:
    """The mean of MMD² over random subsets of both sides, at least two of them, and its standard error.

    Subsets of m out of n pictures, n those of the smaller side, overlap, and differ the less from each other the more
    of the pictures they hold: their variance s² is about (1 - m / n) of that of m fresh pictures. So all n have an
    error² of s² m / (n - m), and the mean over k subsets s² / k more. Raises ValueError where m is more than n / 2.
    """
    least = min(len(generated), len(real))
    enough.for_subset(size, least)
    numbers = torch.Generator().manual_seed(seed)

    def draw(values: Tensor) -> Tensor:
        return values[torch.randperm(len(values), generator=numbers)[:size].to(values.device)]

    found = torch.tensor([polynomial_mmd(draw(generated), draw(real)) for _ in range(subsets)], dtype=torch.float64)
    return found.mean().item(), found.std().item() * (size / (least - size) + 1 / subsets) ** 0.5


def inception_score(logits: Tensor, splits: int) -> tuple[float, float]:
    """exp(E_x KL(p(y|x) ‖ p(y))) (Salimans et al., 2016; arXiv:1606.03498): mean and deviation over equal splits."""
    scores = []
    for start, end in _bounds(len(logits), splits):
        log_p = logits[start:end].double().log_softmax(dim=1)
        p = log_p.exp()
        divergence = (p * (log_p - p.mean(dim=0).log())).where(p > 0, 0)  # 0 log 0 is 0
        scores.append(divergence.sum(dim=1).mean().exp())
    found = torch.stack(scores)
    return found.mean().item(), found.std(correction=0).item()


def _bounds(count: int, pieces: int) -> list[tuple[int, int]]:
    return [(i * count // pieces, (i + 1) * count // pieces) for i in range(pieces)]


@dataclass(frozen=True)
class Manifold:
    """A set of features (N, D), and around each of them the ball that reaches its k-th nearest neighbour in the set.

    squares: of the radii.
    """

    values: Tensor
    squares: Tensor

    @classmethod
    def of(cls, values: Tensor, neighbours: int) -> Manifold:
        """Raises ValueError where the set has no k-th neighbour."""
        enough.for_ball(neighbours, len(values))
        squares = [
            # The nearest of all is the point itself.
            part.topk(neighbours + 1, dim=1, largest=False).values[:, -1]
            for part, _ in squared_distances(values, values)
        ]
        return cls(values, torch.cat(squares))


def prdc(generated: Tensor, real: Tensor, neighbours: int) -> dict[str, float]:
    """Precision and recall (Kynkäänniemi et al., 2019; arXiv:1904.06991), density and coverage (Naeem et al., 2020;
    arXiv:2002.09797).

    With B(x) the ball around x to its k-th neighbour on its own side: precision is the share of generated pictures in
    any B(real), recall the share of real ones in any B(generated); density is the number of balls B(real) around a
    generated picture, over k; coverage the share of B(real) that hold a generated picture.
    """
    of_real, of_generated = Manifold.of(real, neighbours), Manifold.of(generated, neighbours)
    inside = torch.zeros(len(real), dtype=torch.bool, device=real.device)
    precise, balls, recalled = 0, 0, 0
    for found, rounding in squared_distances(generated, real):
        hits = found <= rounding.add_(of_real.squares)  # the k-th neighbour itself is inside
        precise += int(hits.any(dim=1).sum())
        balls += int(hits.sum())
        inside |= hits.any(dim=0)
    for found, rounding in squared_distances(real, generated):
        recalled += int((found <= rounding.add_(of_generated.squares)).any(dim=1).sum())
    return {
        "precision": precise / len(generated),
        "recall": recalled / len(real),
        "density": balls / (neighbours * len(generated)),
        "coverage": inside.double().mean().item(),
    }


def nearest(values: Tensor, others: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Of each of `values` (N, D) the distances (N, count) to its nearest in `others`, and their indices."""
    found = [part.topk(count, dim=1, largest=False) for part, _ in squared_distances(values, others)]
    return torch.cat([part.values for part in found]).sqrt(), torch.cat([part.indices for part in found])


def squared_distances(one: Tensor, other: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Squares of the Euclidean distances of (N, D) and (M, D), and how much of each may be rounding.

    Some rows of (N, M) at a time; 0 of points that are the same.
    """
    centre = other.mean(dim=0, dtype=torch.float64)  # far from the origin, the differences below would cancel
    columns = other.double() - centre
    squares = columns.square().sum(dim=1)
    for part in one.split(max(1, ENTRIES // len(other))):
        rows = part.double() - centre
        sizes = rows.square().sum(dim=1, keepdim=True) + squares
        found = torch.addmm(sizes, rows, columns.T, alpha=-2)
        rounding = sizes.mul_(ROUNDING)
        yield found.masked_fill_(found <= rounding, 0), rounding
