"""How well discriminant analysis tells generated from real pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ganreg import Metric

if TYPE_CHECKING:
    from ganreg.engine.metrics import Evaluation


class Separability(Metric, name="separability"):
    """How separable real and generated pictures are, by linear discriminant analysis of their pixels.

    `count` pictures of each side, the first real ones, are dealt out to `folds` in turn. For each fold the analysis is
    fitted to the others (one covariance, Ledoit and Wolf's shrinkage; 2004) and says of each picture of the fold its
    log-odds t of being real, so every t is of a picture that was not fitted to. Figures: `separability/fisher`,
    Fisher's criterion (E[t_r] - E[t_f])² / (var t_r + var t_f) (1936), 0 where both sides are alike;
    `separability/error`, the share of pictures on the wrong side, 0.5 at best; `separability/auc`, the probability
    that a real picture has a larger t than a generated one, 0.5 at best: a two-sample test by classifier (Lopez-Paz &
    Oquab, 2016; arXiv:1610.06545).
    """

    count: int = Field(512, ge=2, examples=[32], description="pictures of each side")
    folds: int = Field(4, ge=2, description="into how many parts they are dealt out")

    def __call__(self, evaluation: Evaluation) -> dict[str, float]:
        """The figures, by name."""
        import torch

        from ganreg_discriminant.networks.validation import separability

        real, fake = (
            torch.cat([batch.images.flatten(1) for batch in batches])
            for batches in (evaluation.real(self.count), evaluation.generated(self.count))
        )
        return {f"separability/{name}": value for name, value in separability(real, fake, self.folds).items()}
