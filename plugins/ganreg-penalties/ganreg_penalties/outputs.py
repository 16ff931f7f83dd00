"""What penalties compare of discriminators' outputs; with several scales their terms are summed, as losses are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg import DiscriminatorOutput


def mean_square(output: DiscriminatorOutput, anchor: Tensor | float = 0.0) -> Tensor:
    """E[(D - anchor)²] over pictures and patches; a scalar."""
    return torch.stack([(scale.logits - anchor).square().mean() for scale in output.scales()]).sum()


def mean_square_difference(one: DiscriminatorOutput, other: DiscriminatorOutput) -> Tensor:
    """E[(D - D')²] over pictures and patches; a scalar."""
    pairs = zip(one.scales(), other.scales(), strict=True)
    return torch.stack([(mine.logits - theirs.logits).square().mean() for mine, theirs in pairs]).sum()


def level(output: DiscriminatorOutput) -> Tensor:
    """E[D] over pictures, patches and scales; a scalar."""
    return torch.stack([scale.logits.mean() for scale in output.scales()]).mean()
