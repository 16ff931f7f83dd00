"""Where the second moments of two sides differ most."""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def directions(real: Tensor, fake: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Singular vectors U (D, k) of E[φφᵀ] of real less that of generated embeddings (N, D), and V's signs: V = U·sign.

    The `count` largest in magnitude, or all; computed in float64. The matrix (D, D) is not formed: with all
    embeddings in Φ (2N, D) and Φᵀ = QR, the eigenvalues are those of R·s·Rᵀ, which has a row per picture at most.
    """
    scaled = torch.cat([real.double() / len(real) ** 0.5, fake.double() / len(fake) ** 0.5])
    signs = torch.ones_like(scaled[:, 0])
    signs[len(real) :] = -1
    basis, coordinates = torch.linalg.qr(scaled.T)
    values, vectors = torch.linalg.eigh((coordinates * signs) @ coordinates.T)
    chosen = values.abs().topk(min(count, len(values))).indices
    return (basis @ vectors[:, chosen]).to(real.dtype), values[chosen].sign().to(real.dtype)
