"""How labels enter the networks of a conditional run; in an unconditional one no embedding exists."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LabelledLatent(nn.Module):
    """z (N, latent), in a conditional run with a learned embedding of the label (N, label_size) beside it.

    The embedding starts from N(0, 1), as z does, so that neither drowns the other. `size` is that of the result.
    """

    def __init__(self, latent: int, classes: int | None, label_size: int) -> None:
        super().__init__()
        self.embedding = None if classes is None else nn.Embedding(classes, label_size)
        self.size = latent if classes is None else latent + label_size

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """(N, latent) to (N, size)."""
        return z if self.embedding is None else torch.cat([z, self.embedding(_present(labels))], dim=1)


class Head(nn.Module):
    """The logits (N,) of an embedding e (N, D): w·e + b, in a conditional run plus the label's projection v_y·e.

    Projection discriminator (Miyato & Koyama, 2018; arXiv:1802.05637). The v_y start like w.
    """

    def __init__(self, size: int, classes: int | None) -> None:
        super().__init__()
        self.linear = nn.Linear(size, 1)
        self.projection = None if classes is None else nn.Embedding(classes, size)
        if self.projection is not None:
            nn.init.uniform_(self.projection.weight, -(size**-0.5), size**-0.5)

    def forward(self, embedding: Tensor, labels: Tensor | None = None) -> Tensor:
        """(N, D) to (N,)."""
        logits: Tensor = self.linear(embedding).squeeze(1)
        if self.projection is None:
            return logits
        projected: Tensor = (self.projection(_present(labels)) * embedding).sum(dim=1)
        return logits + projected


def _present(labels: Tensor | None) -> Tensor:
    if labels is None:
        raise ValueError("a network of a conditional run needs labels: call it as network(input, labels)")
    return labels
